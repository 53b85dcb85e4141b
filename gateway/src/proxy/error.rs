//! What went wrong, whether to try again, and what the client is told.

use super::{Context, next_upstream, request};
use crate::answer::Answer;
use crate::front::stream::{BodyFault, ClientStream};
use crate::reason::Reason;
use pingora::{Error, ErrorSource, ErrorType};
use pingora_proxy::{FailToProxy, Session};

/// A try got no connection. Nothing was sent, so any method may be tried again.
pub(super) fn connecting(ctx: &mut Context, mut e: Box<Error>) -> Box<Error> {
    let timeout = matches!(e.etype(), ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout);
    let reason = if timeout { Reason::ConnectTimeout } else { Reason::ConnectFailed };
    ctx.reason = Some(reason);
    ctx.exclude_target();
    e.set_retry(next_upstream::wanted_for(ctx, reason) && next_upstream::allowed(ctx));
    e
}

/// A try broke after its connection was made, or its answer is not wanted.
pub(super) fn proxying(
    session: &mut Session,
    ctx: &mut Context,
    mut e: Box<Error>,
    reused: bool,
) -> Box<Error> {
    if std::mem::take(&mut ctx.unwanted) {
        ctx.reason = Some(Reason::UpstreamBroken);
        ctx.exclude_target();
        e.set_retry(true);
        return e;
    }
    if ctx.reason == Some(Reason::UpstreamUntrusted) {
        // As when there is no connection at all: nothing was sent.
        ctx.exclude_target();
        e.set_retry(next_upstream::wanted_for(ctx, Reason::ConnectFailed) && next_upstream::allowed(ctx));
        return e;
    }
    let mut reason = classify(session, ctx, &e);
    let read = matches!(e.etype(), ErrorType::ReadTimedout);
    if read && reason == Reason::UpstreamTimeout && !session.as_downstream_mut().is_body_done() {
        // The engine waits for an answer while the body still comes: it was the client who paused.
        reason = Reason::BodyTimeout;
    }
    ctx.reason = Some(reason);
    let upstream = *e.esource() == ErrorSource::Upstream && reason != Reason::BodyTimeout;
    let mut wanted = next_upstream::wanted_for(ctx, reason);
    let untouched = next_upstream::is_untouched(&e);
    if reason == Reason::UpstreamBroken && (reused && ctx.may_be_stale() || untouched && !ctx.stale) {
        // The connection was closed while it lay in the pool, or was about to be: that says nothing about the endpoint,
        // once.
        ctx.stale = true;
        ctx.tries = ctx.tries.saturating_sub(1);
        wanted = true;
    } else if upstream {
        ctx.exclude_target();
    }
    let repeatable = next_upstream::repeatable(session, ctx, untouched);
    e.set_retry(upstream && wanted && repeatable && next_upstream::allowed(ctx));
    e
}

fn classify(session: &Session, ctx: &Context, e: &Error) -> Reason {
    if let (ErrorType::HTTPStatus(status), Some(reason)) = (e.etype(), ctx.reason)
        && reason.status() == *status
    {
        return reason;
    }
    match e.esource() {
        ErrorSource::Upstream => match e.etype() {
            ErrorType::ReadTimedout | ErrorType::WriteTimedout => Reason::UpstreamTimeout,
            ErrorType::ConnectTimedout => Reason::ConnectTimeout,
            _ => Reason::UpstreamBroken,
        },
        ErrorSource::Downstream => match (fault(session), e.etype()) {
            (Some(BodyFault::Malformed), _) => Reason::BadRequest,
            (Some(BodyFault::TooSlow), _) | (None, ErrorType::ReadTimedout) => Reason::BodyTimeout,
            (None, ErrorType::InvalidHTTPHeader) => Reason::BadRequest,
            _ => Reason::ClientClosed,
        },
        ErrorSource::Internal | ErrorSource::Unset => Reason::Internal,
    }
}

/// What the front found wrong with an HTTP/1 body.
fn fault(session: &Session) -> Option<BodyFault> {
    session.as_downstream().stream()?.as_any().downcast_ref::<ClientStream>()?.fault()
}

/// The last phase of a request that failed: one page, unless part of an answer is out already.
pub(super) async fn answer(session: &mut Session, ctx: &mut Context, e: &Error) -> FailToProxy {
    let reason = ctx.reason.unwrap_or_else(|| classify(session, ctx, e));
    ctx.reason = Some(reason);
    let closed = FailToProxy { error_code: reason.status(), can_reuse_downstream: false };
    if session.response_written().is_some_and(|response| !response.status.is_informational()) {
        return closed;
    }
    if reason == Reason::ClientClosed {
        return FailToProxy { error_code: 0, ..closed };
    }
    // The engine ends the connection behind a failed request whatever is said here; the client must know.
    session.set_keepalive(None);
    let sent = request::respond(session, ctx, &Answer::page(reason)).await;
    if sent.is_ok() && !session.as_downstream().is_http2() {
        // It would drop the socket, and with unread bytes in it the answer would be lost to a reset.
        session.as_downstream_mut().shutdown().await;
    }
    closed
}
