//! `ssl-redirect` and its kin: when clear-text requests are sent to HTTPS.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use ingora_config::policy::HttpsRedirect;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "preserve-trailing-slash",
        "https_redirect",
        Scope::Location,
        Risk::Medium,
        OnBad::Ignore,
        Support::Full,
    ),
    Row::new(
        "use-port-in-redirects",
        "https_redirect",
        Scope::Location,
        Risk::Low,
        OnBad::Ignore,
        Support::Full,
    ),
    Row::new("ssl-redirect", "https_redirect", Scope::Location, Risk::Low, OnBad::Ignore, Support::Full),
    Row::new(
        "force-ssl-redirect",
        "https_redirect",
        Scope::Location,
        Risk::Medium,
        OnBad::Ignore,
        Support::Full,
    ),
    Row::new(
        "relative-redirects",
        "https_redirect",
        Scope::Location,
        Risk::Low,
        OnBad::Reject,
        Support::Full,
    ),
];

/// What the annotations of the feature ask for; `None` without any.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<HttpsRedirect> {
    let wishes = HttpsRedirect {
        ssl_redirect: reader.bool("ssl-redirect"),
        force_ssl_redirect: reader.bool("force-ssl-redirect"),
        preserve_trailing_slash: reader.bool("preserve-trailing-slash"),
        use_port_in_redirects: reader.bool("use-port-in-redirects"),
        relative_redirects: reader.bool("relative-redirects"),
    };
    (wishes != HttpsRedirect::default()).then_some(wishes)
}
