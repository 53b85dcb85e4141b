//! `custom-headers`: headers of answers, from a ConfigMap that the Ingress names.

use crate::settings::HeaderLine;
use serde::{Deserialize, Serialize};

/// The headers. They replace those of the upstream; a line without a value removes the header.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CustomHeaders {
    /// In the order of their names. None has a variable: `$` is a letter like any other.
    pub lines: Vec<HeaderLine>,
}
