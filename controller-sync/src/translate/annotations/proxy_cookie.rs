//! `proxy-cookie-domain`, `proxy-cookie-path`: what upstreams say of where their cookies belong.

use super::charset;
use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::replacement;
use ingora_config::policy::{ProxyCookie, Replacing};

const PATTERNS: Support = Support::Differs(
    "what is replaced has no variables, what comes in its place has those of a closed set, and regular expressions are \
     matched in linear time",
);

pub(super) const ROWS: &[Row] = &[
    Row::new("proxy-cookie-domain", "proxy_cookie", Scope::Location, Risk::Medium, OnBad::Ignore, PATTERNS),
    Row::new("proxy-cookie-path", "proxy_cookie", Scope::Location, Risk::Medium, OnBad::Ignore, PATTERNS),
];

/// What the annotations of the feature ask for; `None` without any.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<ProxyCookie> {
    let domain = replacing(reader, "proxy-cookie-domain");
    let path = replacing(reader, "proxy-cookie-path");
    let cookie = ProxyCookie { domain, path };
    (cookie != ProxyCookie::default()).then_some(cookie)
}

fn replacing(reader: &mut Reader<'_, '_>, name: &str) -> Option<Replacing> {
    reader.parse(name, |text| {
        charset::check(text, |byte| charset::regex(byte) || byte == b' ')?;
        replacement::pair(text)
    })
}
