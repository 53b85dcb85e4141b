//! How upstreams are spoken to: the defaults of the annotations of the same names.

use crate::policy::HttpVersion;
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
    /// `client-body-buffer-size`, bytes; bodies of requests that fit into it are subject to `proxy-request-buffering`.
    pub client_body_buffer_size: u64,
    /// `proxy-request-buffering`: such a body is received before an endpoint is bothered.
    pub proxy_request_buffering: bool,
    /// `proxy-http-version`, for upstreams that speak HTTP/1.
    pub proxy_http_version: HttpVersion,
    /// `proxy-next-upstream`.
    pub proxy_next_upstream: NextUpstream,
    /// `retry-non-idempotent`: send methods again that change something, whatever `proxy-next-upstream` says.
    pub retry_non_idempotent: bool,
    /// `proxy-next-upstream-timeout`, seconds after the first try in which another one may begin; 0 is unlimited.
    pub proxy_next_upstream_timeout: u32,
    /// `proxy-next-upstream-tries`, tries in total, the first included; 0 is unlimited.
    pub proxy_next_upstream_tries: u32,
    /// `upstream-keepalive-timeout`, seconds an idle connection to an upstream is kept.
    pub upstream_keepalive_timeout: u32,
    /// `upstream-keepalive-time`, seconds after which a connection to an upstream gets no further request; 0 is unlimited.
    pub upstream_keepalive_time: u32,
    /// `upstream-keepalive-requests`, requests that a connection to an upstream carries; 0 is unlimited.
    pub upstream_keepalive_requests: u32,
    /// `upstream-keepalive-connections`, idle connections that each core keeps; 0 keeps none. What the gateway starts with holds.
    pub upstream_keepalive_connections: u32,
}

impl Default for Proxy {
    fn default() -> Self {
        Self {
            proxy_connect_timeout: 5,
            proxy_read_timeout: 60,
            proxy_send_timeout: 60,
            proxy_body_size: 1024 * 1024,
            client_body_buffer_size: 8 * 1024,
            proxy_request_buffering: true,
            proxy_http_version: HttpVersion::default(),
            proxy_next_upstream: NextUpstream::default(),
            retry_non_idempotent: false,
            proxy_next_upstream_timeout: 0,
            proxy_next_upstream_tries: 3,
            upstream_keepalive_timeout: 60,
            upstream_keepalive_time: 3600,
            upstream_keepalive_requests: 10_000,
            upstream_keepalive_connections: 1024,
        }
    }
}

/// When another endpoint is tried (`proxy-next-upstream`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NextUpstream {
    /// `error`: no connection, or one that broke.
    pub error: bool,
    /// `timeout`: none in time, or no answer.
    pub timeout: bool,
    /// `invalid_header`: an answer that is no HTTP. It cannot be told from a broken connection, so that either allows it.
    pub invalid_header: bool,
    /// `non_idempotent`: requests are sent again as well whose method changes something.
    pub non_idempotent: bool,
    /// `http_403` and the like: answers with these statuses.
    pub statuses: Vec<u16>,
}

impl Default for NextUpstream {
    fn default() -> Self {
        Self {
            error: true,
            timeout: true,
            invalid_header: false,
            non_idempotent: false,
            statuses: Vec::new(),
        }
    }
}
