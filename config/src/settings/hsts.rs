//! Strict-Transport-Security (RFC 6797).

use serde::{Deserialize, Serialize};

/// Strict-Transport-Security (RFC 6797).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hsts {
    /// `hsts`: send the header over TLS.
    pub enabled: bool,
    /// `hsts-max-age`, seconds.
    pub max_age: u64,
    /// `hsts-include-subdomains`.
    pub include_subdomains: bool,
    /// `hsts-preload`.
    pub preload: bool,
}

impl Default for Hsts {
    fn default() -> Self {
        Self { enabled: true, max_age: 31_536_000, include_subdomains: true, preload: false }
    }
}
