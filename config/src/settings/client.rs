//! How patient the gateway is with clients, and what their requests may look like.

use serde::{Deserialize, Serialize};

/// How patient the gateway is with clients, and what their requests may look like.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Client {
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
    /// `client-header-buffer-size`, bytes.
    pub client_header_buffer_size: u32,
    /// `large-client-header-buffers`: how many, and the bytes of each.
    pub large_client_header_buffers: (u32, u32),
    /// `http2-max-concurrent-streams`, for new connections.
    pub http2_max_concurrent_streams: u32,
    /// `enable-underscores-in-headers`: forward request headers whose name has `_`.
    pub enable_underscores_in_headers: bool,
    /// `ignore-invalid-headers`: drop request headers whose name has more than letters, digits and `-`.
    pub ignore_invalid_headers: bool,
}

impl Client {
    /// The longest request line, in bytes.
    pub fn max_request_line(&self) -> usize {
        self.client_header_buffer_size.max(self.large_client_header_buffers.1) as usize
    }

    /// The largest request line and header together, in bytes.
    pub fn max_head(&self) -> usize {
        let (count, size) = self.large_client_header_buffers;
        self.client_header_buffer_size.max(count.saturating_mul(size)) as usize
    }
}

impl Default for Client {
    fn default() -> Self {
        Self {
            client_header_timeout: 60,
            client_body_timeout: 60,
            client_body_total_timeout: 3600,
            keep_alive: 75,
            keep_alive_requests: 1000,
            client_header_buffer_size: 1024,
            large_client_header_buffers: (4, 8 * 1024),
            http2_max_concurrent_streams: 128,
            enable_underscores_in_headers: false,
            ignore_invalid_headers: true,
        }
    }
}
