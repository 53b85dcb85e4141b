//! Error pages: the defaults of the annotations of the same names.

use serde::{Deserialize, Serialize};

/// Error pages: the defaults of the annotations of the same names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ErrorPageDefaults {
    /// `custom-http-errors`: statuses from 300 to 599, sorted, each once.
    pub statuses: Vec<u16>,
    /// `disable-proxy-intercept-errors`: errors of upstreams pass, only those of the gateway are replaced.
    pub pass_upstream: bool,
}
