//! What the annotations of an Ingress ask for, one file per feature.
//!
//! A [`Policy`] belongs to the routes of one Ingress. A feature that nobody asked for is `None` and costs nothing: not on
//! the wire, and not per request, since the gateway compiles the chain of a route's filters when the route is published.
//! What holds for a host as a whole (aliases, app-root, regex mode) stands in [`crate::VirtualHost`].

mod access_log;
mod affinity;
mod backend_protocol;
mod basic_auth;
mod buffers;
mod canary;
mod cors;
mod custom_headers;
mod error_pages;
mod external_auth;
mod https_redirect;
mod load_balance;
mod mirror;
mod proxy_cookie;
mod proxy_http;
mod proxy_ssl;
mod rate_limit;
mod redirect;
mod retry;
mod rewrite;
mod source_range;
mod timeouts;
mod upstream_vhost;

pub use access_log::AccessLog;
pub use affinity::{Affinity, AffinityMode, SessionCookie};
pub use backend_protocol::BackendProtocol;
pub use basic_auth::{BasicAuth, InvalidRealm, Realm};
pub use buffers::Buffers;
pub use canary::{
    Canary, CanaryHeader, CanaryHeaderRule, CanaryRule, MAX_CANARIES, MAX_PATTERN_BYTES, header_pattern,
};
pub use cors::{AllowedOrigins, Cors, CorsOrigin};
pub use custom_headers::CustomHeaders;
pub use error_pages::ErrorPages;
pub use external_auth::{
    AuthCache, AuthDuration, AuthHeader, AuthMethod, AuthService, ExternalAuth, ExternalAuthChoice,
    MAX_AUTH_HEADERS,
};
pub use https_redirect::HttpsRedirect;
pub use load_balance::{Algorithm, HashBy, LoadBalance, MAX_SUBSET};
pub use mirror::Mirror;
pub use proxy_cookie::{ProxyCookie, Replacing};
pub use proxy_http::{ConnectionHeader, HttpVersion, ProxyHttp};
pub use proxy_ssl::{ClientCertificate, PeerName, ProxySsl, ProxySslSecret, Verify};
pub use rate_limit::RateLimit;
pub use redirect::Redirect;
pub use retry::Retry;
pub use rewrite::Rewrite;
pub use source_range::SourceRange;
pub use timeouts::Timeouts;
pub use upstream_vhost::UpstreamVhost;

use serde::{Deserialize, Serialize};

/// What holds for every route of one Ingress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Policy {
    /// An annotation that should protect the Ingress is broken: every request is answered with 503, as in ingress-nginx.
    pub denied: bool,
    /// `rewrite-target`, `x-forwarded-prefix`.
    pub rewrite: Option<Box<Rewrite>>,
    /// `upstream-vhost`.
    pub upstream_vhost: Option<Box<UpstreamVhost>>,
    /// `permanent-redirect`, `temporal-redirect`.
    pub redirect: Option<Box<Redirect>>,
    /// `ssl-redirect` and its kin; `None` is as the ConfigMap says.
    pub https_redirect: Option<Box<HttpsRedirect>>,
    /// `enable-cors`, `cors-*`.
    pub cors: Option<Box<Cors>>,
    /// `limit-*`.
    pub rate_limit: Option<Box<RateLimit>>,
    /// `denylist-source-range`, `allowlist-source-range`.
    pub source_range: Option<Box<SourceRange>>,
    /// `load-balance`, `upstream-hash-by*`, `service-upstream`.
    pub load_balance: Option<Box<LoadBalance>>,
    /// `affinity*`, `session-cookie-*`.
    pub affinity: Option<Box<Affinity>>,
    /// `custom-http-errors`, `default-backend`, `disable-proxy-intercept-errors`.
    pub error_pages: Option<Box<ErrorPages>>,
    /// `custom-headers`.
    pub custom_headers: Option<Box<CustomHeaders>>,
    /// `proxy-cookie-domain`, `proxy-cookie-path`.
    pub proxy_cookie: Option<Box<ProxyCookie>>,
    /// `proxy-redirect-from`, `proxy-redirect-to`: of the headers Location and Refresh, whose start is compared.
    pub proxy_redirect: Option<Box<Replacing>>,
    /// `ssl-passthrough`: TLS for the host of the path `/` goes to its upstream unopened.
    pub ssl_passthrough: bool,
    /// `backend-protocol`; `None` is as the Service says.
    pub backend_protocol: Option<BackendProtocol>,
    /// `proxy-ssl-*`.
    pub proxy_ssl: Option<Box<ProxySsl>>,
    /// `auth-type: basic`, `auth-secret`, `auth-realm`.
    pub basic_auth: Option<Box<BasicAuth>>,
    /// `satisfy: any`: the allow list, basic and external authentication let in whom one of them lets in, not all.
    pub satisfy_any: bool,
    /// `proxy-connect-timeout`, `proxy-send-timeout`, `proxy-read-timeout`.
    pub timeouts: Option<Box<Timeouts>>,
    /// `proxy-next-upstream*`.
    pub retry: Option<Box<Retry>>,
    /// `proxy-body-size`, `client-body-buffer-size`, `proxy-request-buffering`.
    pub buffers: Option<Box<Buffers>>,
    /// `proxy-http-version`, `connection-proxy-header`.
    pub proxy_http: Option<Box<ProxyHttp>>,
    /// `enable-access-log`, `enable-rewrite-log`.
    pub access_log: Option<Box<AccessLog>>,
    /// `mirror-*`.
    pub mirror: Option<Box<Mirror>>,
    /// `auth-url` and its kin, `enable-global-auth`; `None` is as the ConfigMap says.
    pub external_auth: Option<Box<ExternalAuthChoice>>,
}

impl Policy {
    /// Whether no annotation asked for anything.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}
