//! `proxy-http-version`, `connection-proxy-header`: HTTP/1 as the upstreams of one Ingress see it.

use serde::{Deserialize, Serialize};

/// HTTP/1 as upstreams see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProxyHttp {
    /// `proxy-http-version`; `None` is as the ConfigMap says.
    pub version: Option<HttpVersion>,
    /// `connection-proxy-header`; `None` sends no `Connection`.
    pub connection: Option<ConnectionHeader>,
}

/// A version of HTTP/1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HttpVersion {
    /// HTTP/1.0: each connection carries one request.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
}

/// What `Connection` says (RFC 9112 section 9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConnectionHeader {
    /// `close`: the connection carries no further request.
    Close,
    /// `keep-alive`.
    KeepAlive,
}
