//! `proxy-http-version`, `connection-proxy-header`: HTTP/1 as upstreams see it.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::value;
use ingora_config::policy::{ConnectionHeader, ProxyHttp};

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "proxy-http-version",
        "proxy_http",
        Scope::Location,
        Risk::Low,
        OnBad::Ignore,
        Support::Differs(
            "a request whose length is unknown goes out as HTTP/1.1, for HTTP/1.0 cannot carry it",
        ),
    ),
    Row::new(
        "connection-proxy-header",
        "proxy_http",
        Scope::Location,
        Risk::Low,
        OnBad::Reject,
        Support::Differs("WebSockets work all the same"),
    ),
];

const WORDS: [(&str, ConnectionHeader); 2] =
    [("close", ConnectionHeader::Close), ("keep-alive", ConnectionHeader::KeepAlive)];

/// What the annotations of the feature ask for; `None` without any that can be used.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<ProxyHttp> {
    let http = ProxyHttp {
        version: reader.parse("proxy-http-version", value::http_version),
        connection: reader.parse("connection-proxy-header", |text| value::word(text, &WORDS)),
    };
    (http != ProxyHttp::default()).then_some(http)
}
