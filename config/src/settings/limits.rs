//! What limited clients are told, and limits that hold for all.

use serde::{Deserialize, Serialize};

/// What limited clients are told, and limits that hold for all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// `limit-req-status-code`, 400 to 599: the answer above `limit-rps` and `limit-rpm`.
    pub limit_req_status_code: u16,
    /// `limit-conn-status-code`, 400 to 599: the answer above `limit-connections`.
    pub limit_conn_status_code: u16,
    /// `limit-rate`, kilobytes a second of an answer; 0 is unlimited.
    pub limit_rate: u64,
    /// `limit-rate-after`, kilobytes that go before `limit-rate` holds.
    pub limit_rate_after: u64,
    /// `limit-ipv6-prefix`, a key of Ingora alone: 1 to 128 bits of an IPv6 address that make one client.
    pub limit_ipv6_prefix: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            limit_req_status_code: 503,
            limit_conn_status_code: 503,
            limit_rate: 0,
            limit_rate_after: 0,
            limit_ipv6_prefix: 128,
        }
    }
}
