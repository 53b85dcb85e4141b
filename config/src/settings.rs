//! What holds for the whole gateway: flags and, by the key of the same name, the ConfigMap.
//!
//! Every field names the ingress-nginx ConfigMap key it stands for; the defaults are that key's defaults.

use crate::{NamespacedName, UpstreamId};
use serde::{Deserialize, Serialize};

/// Gateway-wide settings. They are sent like any other resource and take effect with the next request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    /// Where requests go that no route takes (`--default-backend-service`); `None` answers 404.
    pub default_backend: Option<UpstreamId>,
    /// The Secret of the default certificate (`--default-ssl-certificate`); `None` or an unusable one is a
    /// certificate that the gateway makes itself.
    pub default_certificate: Option<NamespacedName>,
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
    /// `client-header-timeout`, seconds from the first byte of a request to the end of its header.
    pub client_header_timeout: u32,
    /// `client-body-timeout`, seconds between two reads of a request's body.
    pub client_body_timeout: u32,
    /// Seconds from the end of a request's header to the end of its body, whatever its pace. ingress-nginx has no
    /// such limit; 0 is unlimited.
    pub client_body_total_timeout: u32,
    /// `keep-alive`, seconds an idle client connection is kept; 0 closes after each answer.
    pub keep_alive: u32,
    /// `keep-alive-requests`, requests a client connection may carry.
    pub keep_alive_requests: u32,
    /// `http2-max-concurrent-streams`, for new connections.
    pub http2_max_concurrent_streams: u32,
    /// `upstream-keepalive-timeout`, seconds an idle connection to an upstream is kept.
    pub upstream_keepalive_timeout: u32,
    /// `hsts`: send Strict-Transport-Security over TLS.
    pub hsts: bool,
    /// `hsts-max-age`, seconds.
    pub hsts_max_age: u64,
    /// `hsts-include-subdomains`.
    pub hsts_include_subdomains: bool,
    /// `hsts-preload`.
    pub hsts_preload: bool,
    /// `generate-request-id`: give each request without an X-Request-ID one.
    pub generate_request_id: bool,
    /// `allow-backend-server-header`: let the upstream's `Server` header pass.
    pub allow_backend_server_header: bool,
    /// `enable-underscores-in-headers`: forward request headers whose name has `_`.
    pub enable_underscores_in_headers: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_backend: None,
            default_certificate: None,
            proxy_connect_timeout: 5,
            proxy_read_timeout: 60,
            proxy_send_timeout: 60,
            proxy_body_size: 1024 * 1024,
            proxy_next_upstream_tries: 3,
            client_header_timeout: 60,
            client_body_timeout: 60,
            client_body_total_timeout: 3600,
            keep_alive: 75,
            keep_alive_requests: 1000,
            http2_max_concurrent_streams: 128,
            upstream_keepalive_timeout: 60,
            hsts: true,
            hsts_max_age: 31_536_000,
            hsts_include_subdomains: true,
            hsts_preload: false,
            generate_request_id: true,
            allow_backend_server_header: false,
            enable_underscores_in_headers: false,
        }
    }
}
