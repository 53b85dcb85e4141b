//! `proxy-http-version`, `connection-proxy-header`: HTTP/1 as an endpoint sees it.

use crate::proxy::Context;
use http::Version;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use ingora_config::Protocol;
use ingora_config::policy::{ConnectionHeader, HttpVersion};
use pingora::Result;
use pingora::http::RequestHeader;

/// Sets version and `Connection` of a request, after everything else was set.
///
/// # Errors
/// When the header map is full.
pub fn apply(request: &mut RequestHeader, has_body: bool, ctx: &Context) -> Result<()> {
    if ctx.protocol() != Some(Protocol::Http1) {
        return Ok(());
    }
    let own = ctx.route.as_ref().and_then(|route| route.route.policy.proxy_http.as_deref()).copied();
    let own = own.unwrap_or_default();
    let version = own.version.unwrap_or(ctx.table().settings().proxy.proxy_http_version);
    // HTTP/1.0 has no chunks, and the end of the connection cannot be the end of a request (RFC 9112 section 6.1).
    let old = version == HttpVersion::Http10 && (!has_body || request.headers.contains_key(CONTENT_LENGTH));
    if old {
        request.set_version(Version::HTTP_10);
    }
    if old || ctx.last_on_connection || own.connection == Some(ConnectionHeader::Close) {
        return request.insert_header(CONNECTION, HeaderValue::from_static("close"));
    }
    if own.connection == Some(ConnectionHeader::KeepAlive) {
        return request.insert_header(CONNECTION, HeaderValue::from_static("keep-alive"));
    }
    Ok(())
}
