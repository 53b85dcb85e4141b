//! Redirects: the defaults of the annotations, and the code of the redirect to HTTPS.

use serde::{Deserialize, Serialize};

/// Redirects: the defaults of the annotations, and the code of the redirect to HTTPS.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RedirectDefaults {
    /// `ssl-redirect`: redirect to HTTPS where the host has a certificate.
    pub ssl_redirect: bool,
    /// `force-ssl-redirect`: redirect to HTTPS everywhere.
    pub force_ssl_redirect: bool,
    /// `http-redirect-code`: 301, 302, 307 or 308.
    pub http_redirect_code: u16,
    /// `no-tls-redirect-locations`: rules whose path starts with one of these are never redirected to HTTPS.
    pub no_tls_redirect_locations: Vec<String>,
    /// `preserve-trailing-slash`: keep the last slash in the redirect to HTTPS.
    pub preserve_trailing_slash: bool,
    /// `use-port-in-redirects`.
    pub use_port_in_redirects: bool,
    /// `relative-redirects`: redirects that the gateway makes name no scheme and host.
    pub relative_redirects: bool,
}

impl Default for RedirectDefaults {
    fn default() -> Self {
        Self {
            ssl_redirect: true,
            force_ssl_redirect: false,
            http_redirect_code: 308,
            no_tls_redirect_locations: vec!["/.well-known/acme-challenge".to_owned()],
            preserve_trailing_slash: false,
            use_port_in_redirects: false,
            relative_redirects: false,
        }
    }
}
