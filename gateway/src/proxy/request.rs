//! Second phase: finds the route, or answers why there is none.
//!
//! The order is that of ingress-nginx: client certificates, what the host as a whole redirects ([`moved`]), body size, missing slash, the rewrite phase (denied, CORS preflight, redirects,
//! HTTPS), no endpoints, canary and session, then the access phase (limits, and who may ask). What a phase does stands in
//! [`crate::filters`].

use super::early_request::refuse;
use super::{Context, Gateway, grpc, moved, request_id};
use crate::answer::Answer;
use crate::auth_tls;
use crate::filters::{self, buffers, error_pages, satisfy};
use crate::health_check;
use crate::location;
use crate::reason::Reason;
use crate::request_path;
use crate::table::{CompiledRoute, Found};
use bytes::Bytes;
use http::header;
use pingora::Result;
use pingora_proxy::Session;
use std::sync::Arc;

/// `true` when the request is answered.
///
/// What most requests do not need is in boxes: the space for it would be made and moved for each of them.
pub(super) async fn filter(gateway: &Gateway, session: &mut Session, ctx: &mut Context) -> Result<bool> {
    request_id::assign(session.req_header(), ctx);
    let admitted = match decide(gateway, session, ctx) {
        Ok(route) if satisfy::is_open(&route, ctx) => return Ok(false),
        Ok(route) => Box::pin(satisfy::check(gateway, session, &route, ctx)).await,
        Err(answer) => Err(answer),
    };
    match admitted {
        Ok(()) => Ok(false),
        Err(answer) => Box::pin(answer_with(session, ctx, answer)).await,
    }
}

/// Answers, or takes the detour to an error page; `false` when an upstream is to be asked for that.
async fn answer_with(session: &mut Session, ctx: &mut Context, mut answer: Answer) -> Result<bool> {
    ctx.reason = Some(answer.reason);
    if error_pages::begin(None, ctx, answer.reason, answer.status, &mut answer.headers) {
        if answer.close {
            session.set_keepalive(None);
        }
        if error_pages::asks_for_page(ctx) {
            return Ok(false);
        }
        answer = super::error::own_page(ctx, answer.reason);
    }
    if answer.close {
        return Err(refuse(ctx, answer.reason));
    }
    respond(session, ctx, &answer).await?;
    Ok(true)
}

/// Everything that needs no waiting; answers the route.
fn decide(gateway: &Gateway, session: &Session, ctx: &mut Context) -> Result<Arc<CompiledRoute>, Answer> {
    let ports = &gateway.ports;
    let request = session.req_header();
    let raw = raw_path(request.raw_path()).ok_or_else(|| Answer::close(Reason::BadRequest))?;
    let path = request_path::normalise(raw).map_err(|_| Answer::close(Reason::BadRequest))?;
    let table = ctx.table();
    let host = table.host(&ctx.host);
    let asked = table.host_tls(host).and_then(|host| host.check.as_ref());
    let client_certificate = asked.map(|check| auth_tls::check(check, session.digest(), ctx)).transpose()?;
    let found = table.find_in(host, &path);
    if let Some(answer) = health_check::answer(&gateway.health_check_path, &path, host, &found) {
        ctx.unrouted = true;
        return Err(answer);
    }
    if let Some(block) = &table.compiled().block {
        block.check(&request.headers)?;
    }
    match found {
        Found::AppRoot(location) => return Err(moved::to_app_root(request, location, ctx)),
        Found::OtherHost(host) => return Err(moved::to_host(ports, request, host, ctx)),
        _ => {}
    }
    let has_certificate = ctx.scheme() == "http" && table.has_certificate(host, &ctx.host);
    let (route, slash) = match found {
        Found::Route(route) | Found::DefaultBackend(route) => (Some(Arc::clone(route)), None),
        Found::AddSlash(route) => (None, Some(Arc::clone(route))),
        Found::AppRoot(_) | Found::OtherHost(_) | Found::Nothing => (None, None),
    };
    let unrouted = matches!(found, Found::DefaultBackend(_) | Found::Nothing);
    ctx.has_certificate = has_certificate;
    ctx.client_certificate = client_certificate.map(Box::new);
    ctx.route = route;
    ctx.unrouted = unrouted;
    let limit = buffers::body_limit(ctx.table().settings(), ctx.route.as_deref().or(slash.as_deref()));
    if limit > 0 && buffers::content_length(request.headers.get(header::CONTENT_LENGTH)) > limit {
        return Err(Answer::close(Reason::BodyTooLarge));
    }
    if let Some(route) = slash {
        let (path, query) = request.raw_path().split_at(raw.len());
        let style = location::Style::of(&route, ctx);
        let location = location::here(style, ports, ctx, &[path, b"/", query]);
        return Err(Answer::redirect(Reason::AddSlash, Reason::AddSlash.status(), location));
    }
    let Some(route) = ctx.route.clone() else {
        filters::source_range::check_anywhere(ctx)?;
        return Err(Answer::page(Reason::NoRoute));
    };
    filters::rewrite_phase(ports, &route, request, ctx)?;
    auth_tls::check_clear(&route, ctx)?;
    match &route.group {
        None => return Err(Answer::page(Reason::BackendUnsupported)),
        Some(group) if !filters::load_balance::has_endpoints(&route, group, ctx) => {
            match error_pages::spare(&route, ctx) {
                Some(spare) => {
                    ctx.group = Some(spare);
                    filters::access_phase(&route, request, ctx)?;
                    return Ok(route);
                }
                None => return Err(Answer::page(Reason::NoEndpoints)),
            }
        }
        Some(group) => ctx.group = Some(Arc::clone(group)),
    }
    if let Some(canaries) = &route.canaries {
        let affinity = route.filters.affinity.as_deref();
        let side = affinity.and_then(|affinity| affinity.side(&route, &request.headers));
        ctx.canary = canaries.choose_for(side, &request.headers);
        if let Some(canary) = route.canary(ctx.canary) {
            ctx.group = Some(Arc::clone(&canary.group));
        }
    }
    filters::load_balance::choose(&route, request, ctx);
    filters::access_phase(&route, request, ctx)?;
    Ok(route)
}

/// The path without the query. Neither is touched on the way to the upstream.
pub(super) fn raw_path(target: &[u8]) -> Option<&str> {
    let end = memchr::memchr(b'?', target).unwrap_or(target.len());
    std::str::from_utf8(&target[..end]).ok()
}

/// Answers, and keeps the connection where that is safe.
pub(super) async fn respond(session: &mut Session, ctx: &Context, answer: &Answer) -> Result<()> {
    let (mut header, body) = match grpc::is_asked(session.req_header(), answer) {
        true => (grpc::header(answer)?, Bytes::new()),
        false => answer.build()?,
    };
    super::response::own(session.req_header(), &mut header, ctx)?;
    if ctx.waits_for_continue {
        session.set_keepalive(None);
    }
    let empty = body.is_empty();
    session.write_response_header(Box::new(header), empty).await?;
    if !empty {
        // The engine drops the body of an answer to HEAD.
        session.write_response_body(Some(body), true).await?;
    }
    Ok(())
}
