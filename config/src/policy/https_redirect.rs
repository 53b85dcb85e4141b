//! `ssl-redirect` and its kin; what is `None` is as the ConfigMap says.

use serde::{Deserialize, Serialize};

/// When clear-text requests are sent to HTTPS, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
