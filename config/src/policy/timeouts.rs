//! `proxy-connect-timeout`, `proxy-send-timeout`, `proxy-read-timeout`: how patient the gateway is with the upstreams of one
//! Ingress. The defaults stand in [`crate::settings::Proxy`].

use serde::{Deserialize, Serialize};

/// Seconds, at least one; `None` is as the ConfigMap says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Timeouts {
    /// `proxy-connect-timeout`: until a connection stands, its TLS handshake included.
    pub connect: Option<u32>,
    /// `proxy-send-timeout`: between two writes to an upstream.
    pub send: Option<u32>,
    /// `proxy-read-timeout`: between two reads from an upstream.
    pub read: Option<u32>,
}
