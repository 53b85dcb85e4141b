//! Second phase: finds the route, or answers why there is none.
//!
//! The order is that of ingress-nginx: body size, missing slash, no endpoints, then everything that costs more.

use super::early_request::refuse;
use super::{Context, request_id};
use crate::page;
use crate::reason::Reason;
use crate::request_path;
use crate::table::Found;
use bytes::Bytes;
use http::header;
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora_proxy::Session;
use std::sync::Arc;

/// `true` when the request is answered.
pub(super) async fn filter(session: &mut Session, ctx: &mut Context) -> Result<bool> {
    request_id::assign(session.req_header(), ctx);
    match decide(session, ctx) {
        Ok(()) => Ok(false),
        Err(Refusal::Page(reason)) => {
            ctx.reason = Some(reason);
            respond(session, ctx, reason).await?;
            Ok(true)
        }
        Err(Refusal::AddSlash(location)) => {
            ctx.reason = Some(Reason::AddSlash);
            redirect(session, ctx, &location).await?;
            Ok(true)
        }
        Err(Refusal::Close(reason)) => Err(refuse(ctx, reason)),
    }
}

enum Refusal {
    /// Answered; the connection lives on when there was no body.
    Page(Reason),
    /// Answered with a redirect to this location.
    AddSlash(String),
    /// Answered, and the connection is closed.
    Close(Reason),
}

fn decide(session: &mut Session, ctx: &mut Context) -> Result<(), Refusal> {
    let request = session.req_header();
    let raw = raw_path(request.raw_path()).ok_or(Refusal::Close(Reason::BadRequest))?;
    let path = request_path::normalise(raw).map_err(|_| Refusal::Close(Reason::BadRequest))?;
    let found = ctx.table().find(&ctx.host, &path);
    let slash = matches!(found, Found::AddSlash);
    if let Found::Route(route) | Found::DefaultBackend(route) = found {
        let route = Arc::clone(route);
        ctx.route = Some(route);
    }
    let limit = ctx.table().settings().proxy_body_size;
    if limit > 0 && content_length(request.headers.get(header::CONTENT_LENGTH)) > limit {
        return Err(Refusal::Close(Reason::BodyTooLarge));
    }
    if slash {
        return Err(Refusal::AddSlash(with_slash(request.raw_path(), raw.len(), ctx)));
    }
    let Some(route) = &ctx.route else {
        return Err(Refusal::Page(Reason::NoRoute));
    };
    match &route.group {
        None => Err(Refusal::Page(Reason::BackendUnsupported)),
        Some(group) if group.is_empty() => Err(Refusal::Page(Reason::NoEndpoints)),
        Some(_) => Ok(()),
    }
}

/// The path without the query. Neither is touched on the way to the upstream.
pub(super) fn raw_path(target: &[u8]) -> Option<&str> {
    let end = memchr::memchr(b'?', target).unwrap_or(target.len());
    std::str::from_utf8(&target[..end]).ok()
}

/// Only digits can be here: the front and the engine refuse everything else.
fn content_length(value: Option<&header::HeaderValue>) -> u64 {
    value.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}

/// Absolute, so that a path such as `//example.test` cannot become another host.
fn with_slash(target: &[u8], path_length: usize, ctx: &Context) -> String {
    let (path, query) = target.split_at(path_length);
    let scheme = if ctx.tls { "https" } else { "http" };
    let mut location = format!("{scheme}://{}", ctx.host);
    let ascii = |location: &mut String, bytes: &[u8]| {
        for byte in bytes {
            match byte {
                0x21..=0x7e => location.push(char::from(*byte)),
                other => location.push_str(&format!("%{other:02X}")),
            }
        }
    };
    ascii(&mut location, path);
    location.push('/');
    ascii(&mut location, query);
    location
}

/// Answers with the page of `reason`.
pub(super) async fn respond(session: &mut Session, ctx: &Context, reason: Reason) -> Result<()> {
    let body = page::body(reason);
    let header = page::header(reason, &body)?;
    send(session, ctx, header, body).await
}

async fn redirect(session: &mut Session, ctx: &Context, location: &str) -> Result<()> {
    let body = page::body(Reason::AddSlash);
    let mut header = page::header(Reason::AddSlash, &body)?;
    header.insert_header(header::LOCATION, location)?;
    send(session, ctx, header, body).await
}

async fn send(session: &mut Session, ctx: &Context, mut header: ResponseHeader, body: Bytes) -> Result<()> {
    super::response::own(&mut header, ctx)?;
    if ctx.waits_for_continue {
        session.set_keepalive(None);
    }
    session.write_response_header(Box::new(header), false).await?;
    // The engine drops the body of an answer to HEAD.
    session.write_response_body(Some(body), true).await
}
