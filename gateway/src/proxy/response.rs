//! Fifth phase: the headers a client sees.

use super::Context;
use crate::filters;
use crate::filters::rate_limit::bandwidth::Pace;
use crate::front::stream::ClientStream;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, SERVER, TRANSFER_ENCODING, UPGRADE};
use http::{StatusCode, Version};
use ingora_config::settings::Hsts;
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;

const STRICT_TRANSPORT_SECURITY: HeaderName = HeaderName::from_static("strict-transport-security");

/// Takes what clients must not see and adds what they must.
pub(super) fn filter(session: &mut Session, response: &mut ResponseHeader, ctx: &mut Context) -> Result<()> {
    if response.status.is_informational() {
        ctx.waits_for_continue &= response.status != StatusCode::CONTINUE;
        return Ok(());
    }
    if ctx.waits_for_continue {
        session.set_keepalive(None);
    }
    set_pace(session, ctx);
    drop_hop_by_hop(response);
    if session.req_header().version == Version::HTTP_10 && !response.headers.contains_key(CONTENT_LENGTH) {
        // HTTP/1.0 knows no chunks: the end of the connection is the end of the answer (RFC 9112 section 6.1).
        response.remove_header(&TRANSFER_ENCODING);
        session.set_keepalive(None);
    }
    ctx.header_time = ctx.try_started.map(|at| at.elapsed());
    let settings = ctx.table().settings();
    if !settings.headers.allow_backend_server_header {
        response.remove_header(&SERVER);
    }
    if ctx.tls {
        hsts(&settings.hsts, response)?;
    }
    match &ctx.route {
        Some(route) => filters::response_phase(route, session.req_header(), response, ctx),
        None => Ok(()),
    }
}

/// `limit-rate`.
fn set_pace(session: &Session, ctx: &mut Context) {
    let limit = ctx.route.as_ref().and_then(|route| route.route.policy.rate_limit.as_deref());
    ctx.pace = Pace::new(limit, &ctx.table().settings().limits);
    if ctx.pace.is_some()
        && let Some(stream) = session.as_downstream().stream()
        && let Some(stream) = stream.as_any().downcast_ref::<ClientStream>()
    {
        stream.send_promptly();
    }
}

/// What concerned only the connection to the upstream (RFC 9110 section 7.6.1). The engine writes our own `Connection`.
fn drop_hop_by_hop(response: &mut ResponseHeader) {
    let values = response.headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let names = values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|name| !["", "close", "keep-alive"].iter().any(|word| name.eq_ignore_ascii_case(word)));
    let names: Vec<HeaderName> = names.filter_map(|name| HeaderName::try_from(name).ok()).collect();
    // Framing is not the upstream's to remove.
    for name in names.iter().filter(|name| ![CONTENT_LENGTH, TRANSFER_ENCODING].contains(name)) {
        response.remove_header(name);
    }
    response.remove_header("keep-alive");
    response.remove_header("proxy-connection");
    response.remove_header(&UPGRADE);
}

/// For the gateway's own answers.
pub(super) fn own(request: &RequestHeader, response: &mut ResponseHeader, ctx: &Context) -> Result<()> {
    if ctx.tls {
        hsts(&ctx.table().settings().hsts, response)?;
    }
    match &ctx.route {
        Some(route) => filters::response_phase(route, request, response, ctx),
        None => Ok(()),
    }
}

/// `Strict-Transport-Security` (RFC 6797), replacing the upstream's; only over TLS, as the RFC demands.
fn hsts(settings: &Hsts, response: &mut ResponseHeader) -> Result<()> {
    if !settings.enabled {
        return Ok(());
    }
    let value = match (settings.max_age, settings.include_subdomains, settings.preload) {
        (31_536_000, true, false) => HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        (age, subdomains, preload) => {
            let subdomains = if subdomains { "; includeSubDomains" } else { "" };
            let preload = if preload { "; preload" } else { "" };
            HeaderValue::try_from(format!("max-age={age}{subdomains}{preload}"))
                .expect("digits and fixed words are a header value")
        }
    };
    response.insert_header(STRICT_TRANSPORT_SECURITY, value)
}
