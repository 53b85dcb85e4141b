//! `proxy-next-upstream`, `-timeout`, `-tries`: when another endpoint gets a request of one Ingress. The defaults stand in
//! [`crate::settings::Proxy`].

use crate::settings::NextUpstream;
use serde::{Deserialize, Serialize};

/// `None` is as the ConfigMap says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Retry {
    /// `proxy-next-upstream`.
    pub next_upstream: Option<NextUpstream>,
    /// `proxy-next-upstream-timeout`, seconds after the first try in which another one may begin; 0 is unlimited.
    pub timeout: Option<u32>,
    /// `proxy-next-upstream-tries`, tries in total, the first included; 0 is unlimited.
    pub tries: Option<u32>,
}
