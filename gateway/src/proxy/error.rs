//! What went wrong, whether to try again, and what the client is told.

use super::{Context, next_upstream, request};
use crate::answer::Answer;
use crate::filters::error_pages;
use crate::front::stream::{BodyFault, ClientStream};
use crate::reason::Reason;
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorSource, ErrorType, Result};
use pingora_proxy::{FailToProxy, Session};

/// A try got no connection. Nothing was sent, so any method may be tried again.
pub(super) fn connecting(session: &Session, ctx: &mut Context, mut e: Box<Error>) -> Box<Error> {
    let timeout = matches!(e.etype(), ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout);
    let reason = if timeout { Reason::ConnectTimeout } else { Reason::ConnectFailed };
    ctx.reason = Some(reason);
    ctx.exclude_target();
    ctx.target_failed(reason);
    let again = next_upstream::wanted_for(ctx, reason) && next_upstream::allowed(ctx);
    e.set_retry(again || begin(session, ctx, reason));
    e
}

/// Begins the detour to the error page of a reason; `false` when the client gets the gateway's own.
fn begin(session: &Session, ctx: &mut Context, reason: Reason) -> bool {
    // Of a client whose body cannot be read nothing more can be read.
    !matches!(reason, Reason::ClientClosed | Reason::BadRequest | Reason::BodyTimeout)
        && error_pages::begin(Some(session), ctx, reason, reason.status(), &mut Vec::new())
}

/// Looks at the status of an upstream's answer, of which nothing was sent on yet.
///
/// # Errors
/// When the client gets an error page instead.
pub(super) fn replace(session: &Session, response: &ResponseHeader, ctx: &mut Context) -> Result<()> {
    if session.response_written().is_some_and(|response| !response.status.is_informational())
        || !error_pages::begin_for_upstream(session, ctx, response.status, &response.headers)
    {
        return Ok(());
    }
    Err(Error::new_up(ErrorType::HTTPStatus(response.status.as_u16())))
}

/// A try broke after its connection was made, or its answer is not wanted.
pub(super) fn proxying(
    session: &mut Session,
    ctx: &mut Context,
    mut e: Box<Error>,
    reused: bool,
) -> Box<Error> {
    if ctx.detour.as_mut().is_some_and(|detour| detour.take_switching()) {
        e.set_retry(true);
        return e;
    }
    if std::mem::take(&mut ctx.unwanted) {
        ctx.reason = Some(Reason::UpstreamBroken);
        ctx.exclude_target();
        e.set_retry(true);
        return e;
    }
    if ctx.reason == Some(Reason::UpstreamUntrusted) {
        // As when there is no connection at all: nothing was sent. That says nothing about the endpoint's health: the
        // mistake may be in this route alone.
        ctx.exclude_target();
        let again = next_upstream::wanted_for(ctx, Reason::ConnectFailed) && next_upstream::allowed(ctx);
        e.set_retry(again || begin(session, ctx, Reason::UpstreamUntrusted));
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
        ctx.target_failed(reason);
    }
    let nothing_sent = session.response_written().is_none_or(|response| response.status.is_informational());
    // An error page is asked for without a body, which can be done any number of times.
    let repeatable = next_upstream::repeatable(session, ctx, untouched)
        || (nothing_sent && error_pages::asks_for_page(ctx));
    let again = upstream && wanted && repeatable && next_upstream::allowed(ctx);
    e.set_retry(again || (nothing_sent && begin(session, ctx, reason)));
    if e.retry() && reason == Reason::BodyTooLarge {
        // The rest of the body is not read.
        session.set_keepalive(None);
    }
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

/// The page of a reason; where it kept an error page from being served, that of the error.
pub(super) fn own_page(ctx: &Context, reason: Reason) -> Answer {
    let Some(detour) = &ctx.detour else { return Answer::page(reason) };
    let page = Answer::page(detour.reason.unwrap_or(reason));
    match detour.status() {
        Some(status) => page.with_status(status),
        None => Answer::page(reason),
    }
}

/// The last phase of a request that failed: one page, unless part of an answer is out already.
pub(super) async fn answer(session: &mut Session, ctx: &mut Context, e: &Error) -> FailToProxy {
    let reason = ctx.reason.unwrap_or_else(|| classify(session, ctx, e));
    let page = own_page(ctx, reason);
    ctx.reason = Some(page.reason);
    let closed = FailToProxy { error_code: reason.status(), can_reuse_downstream: false };
    if session.response_written().is_some_and(|response| !response.status.is_informational()) {
        return closed;
    }
    if reason == Reason::ClientClosed {
        return FailToProxy { error_code: 0, ..closed };
    }
    // The engine ends the connection behind a failed request whatever is said here; the client must know.
    session.set_keepalive(None);
    let sent = request::respond(session, ctx, &page).await;
    if sent.is_ok() && !session.as_downstream().is_http2() {
        // It would drop the socket, and with unread bytes in it the answer would be lost to a reset.
        session.as_downstream_mut().shutdown().await;
    }
    closed
}
