//! `limit-*`: how much one client may ask for.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Limits for each client of one Ingress, all its hosts and paths together. 0 is unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RateLimit {
    /// `limit-rps`, requests a second.
    pub rps: u32,
    /// `limit-rpm`, requests a minute.
    pub rpm: u32,
    /// `limit-burst-multiplier`: the burst is the rate times this.
    pub burst_multiplier: u32,
    /// `limit-connections`, requests at the same time.
    pub connections: u32,
    /// `limit-allowlist`: who is not limited by any of the above.
    pub allowlist: Vec<IpNet>,
    /// `limit-rate`, kilobytes a second of each answer; `None` is as the ConfigMap says.
    pub rate: Option<u64>,
    /// `limit-rate-after`, kilobytes of each answer that go before; `None` is as the ConfigMap says.
    pub rate_after: Option<u64>,
}
