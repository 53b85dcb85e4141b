//! How upstreams are spoken to: the defaults of the annotations of the same names.

use serde::{Deserialize, Serialize};

/// How upstreams are spoken to: the defaults of the annotations of the same names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proxy {
    /// `proxy-connect-timeout`, seconds.
    pub proxy_connect_timeout: u32,
    /// `proxy-read-timeout`, seconds between two reads from an upstream.
    pub proxy_read_timeout: u32,
    /// `proxy-send-timeout`, seconds between two writes to an upstream.
    pub proxy_send_timeout: u32,
    /// `proxy-body-size`, bytes of a request's body; 0 is unlimited.
    pub proxy_body_size: u64,
    /// `proxy-next-upstream-tries`, tries in total, the first included; 0 is unlimited.
    pub proxy_next_upstream_tries: u32,
    /// `upstream-keepalive-timeout`, seconds an idle connection to an upstream is kept.
    pub upstream_keepalive_timeout: u32,
}

impl Default for Proxy {
    fn default() -> Self {
        Self {
            proxy_connect_timeout: 5,
            proxy_read_timeout: 60,
            proxy_send_timeout: 60,
            proxy_body_size: 1024 * 1024,
            proxy_next_upstream_tries: 3,
            upstream_keepalive_timeout: 60,
        }
    }
}
