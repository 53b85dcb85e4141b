//! Hosts that are elsewhere as a whole: `app-root` and `from-to-www-redirect`. ingress-nginx answers both before it looks for a
//! location, so neither limits nor redirects to HTTPS come first.

use super::{Context, PublicPorts};
use crate::answer::Answer;
use crate::reason::Reason;
use crate::template::{header_value, written_host};
use ingora_config::HostName;
use pingora::http::RequestHeader;

/// 302 to a path of the same host; the query is dropped.
pub(super) fn to_app_root(request: &RequestHeader, path: &str, ctx: &Context) -> Answer {
    let host = written_host(request);
    // A request of HTTP/1.0 may have no Host.
    let location = if host.is_empty() {
        path.as_bytes().to_vec()
    } else {
        [scheme(ctx).as_bytes(), b"://", host, path.as_bytes()].concat()
    };
    Answer::redirect(Reason::AppRoot, Reason::AppRoot.status(), header_value(&location))
}

/// To the same target on another host, with the port whatever it is, and without one slash at the end.
pub(super) fn to_host(
    ports: &PublicPorts,
    request: &RequestHeader,
    host: &HostName,
    ctx: &Context,
) -> Answer {
    let target = request.raw_path();
    let target = target.strip_suffix(b"/").unwrap_or(target);
    let port = if ctx.tls { &ports.https } else { &ports.http };
    let start = format!("{}://{host}:{port}", scheme(ctx));
    let location = header_value(&[start.as_bytes(), target].concat());
    Answer::redirect(Reason::Redirect, ctx.table().settings().redirect.http_redirect_code, location)
}

fn scheme(ctx: &Context) -> &'static str {
    if ctx.tls { "https" } else { "http" }
}
