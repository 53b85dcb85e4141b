//! What holds for the whole gateway: flags and, by the key of the same name, the ConfigMap.
//!
//! One file per group of keys. Every field names the ingress-nginx ConfigMap key it stands for; the defaults are that key's
//! defaults.

mod access_log;
mod block;
mod client;
mod client_address;
mod compression;
mod error_pages;
mod global_auth;
mod headers;
mod hsts;
mod limits;
mod load_balance;
mod no_auth_locations;
mod proxy;
mod redirect;
mod source_range;
mod tls;

pub use access_log::{
    AccessLog, LogEscape, LogFormat, LogPart, LogVariable, MAX_REGEX_BYTES, MAX_URL_PATTERNS, MapPattern,
};
pub use block::Block;
pub use client::Client;
pub use client_address::ClientAddress;
pub use compression::{Coding, Compression};
pub use error_pages::ErrorPageDefaults;
pub use global_auth::GlobalAuth;
pub use headers::{HeaderLine, HeaderText, Headers, InvalidHeader};
pub use hsts::Hsts;
pub use limits::Limits;
pub use load_balance::LoadBalanceDefaults;
pub use no_auth_locations::NoAuthLocations;
pub use proxy::{NextUpstream, Proxy};
pub use redirect::RedirectDefaults;
pub use source_range::SourceRangeDefaults;
pub use tls::{Tls, TlsVersion};

use crate::policy::{ProxyCookie, Replacing};
use crate::{NamespacedName, UpstreamId};
use serde::{Deserialize, Serialize};

/// Gateway-wide settings. They are sent like any other resource and take effect with the next request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    /// Where requests go that no route takes (`--default-backend-service`); `None` answers 404.
    pub default_backend: Option<UpstreamId>,
    /// The Secret of the default certificate (`--default-ssl-certificate`); `None` or an unusable one is a
    /// certificate that the gateway makes itself.
    pub default_certificate: Option<NamespacedName>,
    /// How upstreams are spoken to.
    pub proxy: Proxy,
    /// Which endpoint gets a request.
    pub load_balance: LoadBalanceDefaults,
    /// How patient the gateway is with clients.
    pub client: Client,
    /// Who a client is.
    pub client_address: ClientAddress,
    /// Strict-Transport-Security.
    pub hsts: Hsts,
    /// Redirects to HTTPS.
    pub redirect: RedirectDefaults,
    /// What limited clients are told, and limits for all.
    pub limits: Limits,
    /// Who is refused by what it says of itself.
    pub block: Block,
    /// Who may ask at all.
    pub source_range: SourceRangeDefaults,
    /// Paths without authentication.
    pub no_auth_locations: NoAuthLocations,
    /// External authentication for all.
    pub global_auth: GlobalAuth,
    /// Headers that pass, and that are made.
    pub headers: Headers,
    /// Error pages.
    pub error_pages: ErrorPageDefaults,
    /// What becomes of the cookies of upstreams.
    pub proxy_cookie: ProxyCookie,
    /// `proxy-redirect-from`, `proxy-redirect-to`.
    pub proxy_redirect: Option<Replacing>,
    /// Compression.
    pub compression: Compression,
    /// TLS towards clients.
    pub tls: Tls,
    /// The access log.
    pub access_log: AccessLog,
    /// `worker-shutdown-timeout`, seconds that requests in flight have to end when the gateway leaves; `None` is the
    /// gateway's flag `--drain-timeout`.
    pub worker_shutdown_timeout: Option<u32>,
}
