//! TLS towards clients. Whatever changes holds for new handshakes.

use serde::{Deserialize, Serialize};

/// A protocol version. Older ones are not served (RFC 8996).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// TLS towards clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tls {
    /// `ssl-protocols`; never empty.
    pub versions: Vec<TlsVersion>,
    /// `ssl-ciphers`: what TLS 1.2 may use, as an OpenSSL cipher list; `None` is the gateway's own list.
    pub ciphers: Option<String>,
    /// `ssl-ecdh-curve`: key exchange groups with colons between them; `None` is the gateway's own list.
    pub groups: Option<String>,
    /// `ssl-session-tickets`.
    pub session_tickets: bool,
    /// `ssl-session-cache`.
    pub session_cache: bool,
    /// `ssl-session-cache-size`, bytes as nginx counts them: 4,000 sessions are a megabyte.
    pub session_cache_bytes: u64,
    /// `ssl-session-timeout`, seconds.
    pub session_timeout: u32,
    /// `ssl-reject-handshake`: a client that asks for no known host gets an alert instead of the default certificate.
    pub reject_handshake: bool,
    /// `use-http2`: offer HTTP/2.
    pub http2: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            versions: vec![TlsVersion::V1_2, TlsVersion::V1_3],
            ciphers: None,
            groups: None,
            session_tickets: false,
            session_cache: true,
            session_cache_bytes: 10 * 1024 * 1024,
            session_timeout: 600,
            reject_handshake: false,
            http2: true,
        }
    }
}
