//! The request's body on its way: counted and bounded; gathered only where [`buffers`] says so.

use super::Context;
use super::early_request::refuse;
use crate::filters::{buffers, error_pages};
use crate::reason::Reason;
use crate::upstream::Transport;
use bytes::Bytes;
use pingora::Result;
use pingora_proxy::Session;
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
    let limit = buffers::body_limit(settings, ctx.route.as_deref());
    let time = settings.client.client_body_total_timeout;
    if limit > 0 && ctx.body_received > limit {
        return Err(refuse(ctx, Reason::BodyTooLarge));
    }
    // HTTP/1 connections check it between reads as well; HTTP/2 has no other place.
    let endless = ctx.transport().is_some_and(Transport::is_grpc);
    if time > 0 && !endless && ctx.started.elapsed() > Duration::from_secs(time.into()) {
        return Err(refuse(ctx, Reason::BodyTimeout));
    }
    Ok(())
}

/// Receives the body into the engine's buffer, where it is to come before an endpoint is bothered
/// ([`buffers::receives_ahead`]).
///
/// # Errors
/// When the client fails to send it.
pub(super) async fn receive_ahead(session: &mut Session, ctx: &mut Context) -> Result<()> {
    // Streams of HTTP/2 have no deadlines of their own.
    let patience = Duration::from_secs(ctx.table().settings().client.client_body_timeout.max(1).into());
    session.as_downstream_mut().enable_retry_buffering();
    loop {
        match tokio::time::timeout(patience, session.as_downstream_mut().read_request_body()).await {
            Ok(Ok(Some(chunk))) => filter(&mut Some(chunk), false, ctx)?,
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error.into_down()),
            Err(_) => return Err(refuse(ctx, Reason::BodyTimeout)),
        }
    }
}
