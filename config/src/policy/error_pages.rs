//! `custom-http-errors`, `default-backend`, `disable-proxy-intercept-errors`: who answers instead of an error.

use crate::UpstreamId;
use serde::{Deserialize, Serialize};

/// Error pages of one Ingress. What it leaves open is as the ConfigMap and the flags say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ErrorPages {
    /// `custom-http-errors`: statuses from 400 to 599, sorted, each once. In place of the ConfigMap's list.
    pub statuses: Option<Vec<u16>>,
    /// `default-backend`: the first port of a Service of the Ingress' own namespace. It serves the error pages, and all
    /// requests while the Service of a rule has no endpoints; without endpoints of its own it is as if it were not there.
    pub backend: Option<UpstreamId>,
    /// `disable-proxy-intercept-errors`: errors of upstreams pass, only those of the gateway are replaced.
    pub pass_upstream: Option<bool>,
}
