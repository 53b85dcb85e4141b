//! The request's body on its way: counted and bounded, never gathered.

use super::Context;
use super::early_request::refuse;
use crate::filters::error_pages;
use crate::reason::Reason;
use bytes::Bytes;
use pingora::Result;
use std::time::Duration;

pub(super) fn filter(body: &mut Option<Bytes>, end: bool, ctx: &mut Context) -> Result<()> {
    let Some(chunk) = body else {
        return Ok(());
    };
    ctx.body_received += chunk.len() as u64;
    if error_pages::asks_for_page(ctx) {
        // Whoever serves the page gets none of it. A piece without bytes is not sent on, and only the last one may be
        // missing: to the engine that is the end.
        *body = (!end).then(Bytes::new);
        return Ok(());
    }
    let settings = ctx.table().settings();
    let (limit, time) = (settings.proxy.proxy_body_size, settings.client.client_body_total_timeout);
    if limit > 0 && ctx.body_received > limit {
        return Err(refuse(ctx, Reason::BodyTooLarge));
    }
    // HTTP/1 connections check it between reads as well; HTTP/2 has no other place.
    if time > 0 && ctx.started.elapsed() > Duration::from_secs(time.into()) {
        return Err(refuse(ctx, Reason::BodyTimeout));
    }
    Ok(())
}
