//! `ssl-redirect` and its kin; what is `None` is as the ConfigMap says.

use serde::{Deserialize, Serialize};

/// When clear-text requests are sent to HTTPS, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HttpsRedirect {
    /// `ssl-redirect`: where the host has a certificate.
    pub ssl_redirect: Option<bool>,
    /// `force-ssl-redirect`: wherever.
    pub force_ssl_redirect: Option<bool>,
    /// `preserve-trailing-slash`.
    pub preserve_trailing_slash: Option<bool>,
    /// `use-port-in-redirects`.
    pub use_port_in_redirects: Option<bool>,
    /// `relative-redirects`.
    pub relative_redirects: Option<bool>,
}

impl HttpsRedirect {
    /// Never, whatever the ConfigMap says: default backends of no host of their own.
    pub const NEVER: Self = Self {
        ssl_redirect: Some(false),
        force_ssl_redirect: Some(false),
        preserve_trailing_slash: None,
        use_port_in_redirects: None,
        relative_redirects: None,
    };
}
