//! The request's body on its way: counted and bounded, never gathered.

use super::Context;
use super::early_request::refuse;
use crate::reason::Reason;
use crate::upstream::Transport;
use bytes::Bytes;
use pingora::Result;
use std::time::Duration;

pub(super) fn filter(chunk: Option<&Bytes>, ctx: &mut Context) -> Result<()> {
    let Some(chunk) = chunk else {
        return Ok(());
    };
    ctx.body_received += chunk.len() as u64;
    let settings = ctx.table().settings();
    let (limit, time) = (settings.proxy.proxy_body_size, settings.client.client_body_total_timeout);
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
