//! `upstream-vhost`: another Host for the upstream.

use crate::Template;
use serde::{Deserialize, Serialize};

/// The Host header that the upstream sees.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UpstreamVhost {
    /// The value.
    pub value: Template,
}
