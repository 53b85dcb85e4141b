//! Who a client is: which neighbours may say whom they speak for.

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

/// Who a client is: which neighbours may say whom they speak for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClientAddress {
    /// `use-forwarded-headers`: believe X-Forwarded-* of trusted neighbours.
    pub use_forwarded_headers: bool,
    /// `enable-real-ip`: believe only the address they name.
    pub enable_real_ip: bool,
    /// `proxy-real-ip-cidr`: who is a trusted neighbour; all of IPv4 unless set.
    pub proxy_real_ip_cidr: Vec<IpNet>,
    /// `forwarded-for-header`: the header that names the chain of clients.
    pub forwarded_for_header: String,
    /// `compute-full-forwarded-for`: append to the chain instead of replacing it.
    pub compute_full_forwarded_for: bool,
    /// `use-proxy-protocol`: every connection begins with a PROXY header, version 1 or 2.
    pub use_proxy_protocol: bool,
    /// `proxy-protocol-header-timeout`, seconds.
    pub proxy_protocol_header_timeout: u32,
}

impl Default for ClientAddress {
    fn default() -> Self {
        Self {
            use_forwarded_headers: false,
            enable_real_ip: false,
            proxy_real_ip_cidr: vec![IpNet::V4(Ipv4Net::default())],
            forwarded_for_header: "X-Forwarded-For".to_owned(),
            compute_full_forwarded_for: false,
            use_proxy_protocol: false,
            proxy_protocol_header_timeout: 5,
        }
    }
}
