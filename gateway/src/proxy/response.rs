//! Fifth phase: the headers a client sees.

use super::Context;
use crate::filters;
use crate::filters::error_pages;
use crate::filters::rate_limit::bandwidth::Pace;
use crate::front::stream::ClientStream;
use crate::settings::CompiledSettings;
use crate::template::Scope;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, SERVER, TRANSFER_ENCODING, UPGRADE};
use http::{StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::{ErrorType, OrErr, Result};
use pingora_proxy::Session;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
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
    if response.version == Version::HTTP_10 {
        // The version is that of the connection to the client, not of the one behind us (RFC 9110 section 2.5).
        response.set_version(Version::HTTP_11);
    }
    if session.req_header().version == Version::HTTP_10 && !response.headers.contains_key(CONTENT_LENGTH) {
        // HTTP/1.0 knows no chunks: the end of the connection is the end of the answer (RFC 9112 section 6.1).
        response.remove_header(&TRANSFER_ENCODING);
        session.set_keepalive(None);
    }
    ctx.header_time = ctx.try_started.map(|at| at.elapsed());
    let table = ctx.table();
    let (headers, compiled) = (&table.settings().headers, table.compiled());
    if !headers.allow_backend_server_header
        || (headers.server_tokens && !response.headers.contains_key(SERVER))
    {
        server(headers.server_tokens, response)?;
    }
    for name in &compiled.hide_headers {
        response.remove_header(name);
    }
    if ctx.tls {
        hsts(compiled, response)?;
    }
    let request = session.req_header();
    let page = error_pages::asks_for_page(ctx);
    if let Some(route) = ctx.route.as_ref().filter(|_| !page) {
        filters::proxied_phase(route, request, response, ctx)?;
    }
    compiled.add_to(response, Scope::of(request, ctx))?;
    if let Some(route) = &ctx.route {
        filters::response_phase(route, request, response, ctx)?;
        filters::affinity::tell(route, request, response, ctx)?;
    }
    if let Some(detour) = &ctx.detour {
        detour.set_on(response)?;
    }
    let Some(compression) = &compiled.compression else { return Ok(()) };
    ctx.compressor = compression.begin(request, response)?.map(Box::new);
    Ok(())
}

/// A piece of the body.
pub(super) fn body(piece: &mut Option<Bytes>, end: bool, ctx: &mut Context) -> Result<()> {
    let Some(compressor) = &mut ctx.compressor else { return Ok(()) };
    compressor.replace(piece, end).or_err(ErrorType::InternalError, "an answer cannot be compressed")
}

/// `limit-rate`. Over HTTP/1 the stream sends small pieces in time; streams of HTTP/2 share theirs, and the engine waits
/// before each piece instead (`Context::delay`).
fn set_pace(session: &mut Session, ctx: &mut Context) {
    let limit = ctx.route.as_ref().and_then(|route| route.route.policy.rate_limit.as_deref());
    let Some(pace) = Pace::new(limit, &ctx.table().settings().limits) else { return };
    // A piece may take as long as the rate wants. A client that takes nothing is noticed by the stream itself.
    session.set_write_timeout(None);
    let stream = session.as_downstream().stream();
    match stream.and_then(|stream| stream.as_any().downcast_ref::<ClientStream>()) {
        Some(stream) => stream.set_pace(pace),
        None => ctx.pace = Some(pace),
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
    response.remove_header(&KEEP_ALIVE);
    response.remove_header(&PROXY_CONNECTION);
    response.remove_header(&UPGRADE);
}

/// For the gateway's own answers.
pub(super) fn own(request: &RequestHeader, response: &mut ResponseHeader, ctx: &Context) -> Result<()> {
    let Some(table) = &ctx.table else { return Ok(()) };
    let compiled = table.compiled();
    if let Some(detour) = &ctx.detour {
        detour.set_on(response)?;
    }
    if table.settings().headers.server_tokens {
        server(true, response)?;
    }
    if ctx.tls {
        hsts(compiled, response)?;
    }
    match &ctx.route {
        Some(route) => {
            compiled.add_to(response, Scope::of(request, ctx))?;
            filters::response_phase(route, request, response, ctx)
        }
        None => Ok(()),
    }
}

/// `Server`: ours where `server-tokens` wants it, else none. It names no release.
fn server(tokens: bool, response: &mut ResponseHeader) -> Result<()> {
    if tokens {
        return response.insert_header(SERVER, HeaderValue::from_static("ingora"));
    }
    response.remove_header(&SERVER);
    Ok(())
}

/// `Strict-Transport-Security` (RFC 6797), replacing the upstream's; only over TLS, as the RFC demands.
fn hsts(settings: &CompiledSettings, response: &mut ResponseHeader) -> Result<()> {
    match &settings.hsts {
        Some(value) => response.insert_header(STRICT_TRANSPORT_SECURITY, value),
        None => Ok(()),
    }
}
