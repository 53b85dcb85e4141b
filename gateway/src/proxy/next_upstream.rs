//! Whether another endpoint is tried: `proxy-next-upstream` and its kin.

use super::Context;
use crate::filters::retry::Retry;
use crate::reason::Reason;
use http::StatusCode;
use pingora::{Error, ErrorType, Result, RetryType};
use pingora_proxy::Session;

/// Whether the conditions name what went wrong. An answer that is no HTTP looks like a connection that broke.
pub(super) fn wanted_for(ctx: &Context, reason: Reason) -> bool {
    let conditions = Retry::of(ctx).conditions;
    match reason {
        Reason::ConnectFailed => conditions.error,
        Reason::UpstreamBroken => conditions.error || conditions.invalid_header,
        Reason::ConnectTimeout | Reason::UpstreamTimeout => conditions.timeout,
        _ => false,
    }
}

/// Whether tries and time are left.
pub(super) fn allowed(ctx: &Context) -> bool {
    let Retry { tries, time, .. } = Retry::of(ctx);
    (tries == 0 || ctx.tries < tries)
        && (time.is_zero() || ctx.first_try.is_none_or(|first| first.elapsed() < time))
}

/// Whether the upstream says that it did nothing with the request: a stream that is refused, or opened after the last one
/// of a GOAWAY (RFC 9113 section 8.7). The engine has looked, and marks both.
pub(super) fn is_untouched(e: &Error) -> bool {
    matches!((&e.etype, &e.retry), (ErrorType::H2Error, RetryType::Decided(true)))
}

/// Whether the request can be sent a second time: methods that change something only where that is allowed or the first
/// upstream left it `untouched`, and nothing after a first byte of an answer or when the body is gone.
pub(super) fn repeatable(session: &Session, ctx: &Context, untouched: bool) -> bool {
    let idempotent = session.req_header().method.is_idempotent();
    (untouched || idempotent || Retry::of(ctx).non_idempotent)
        && !session.as_ref().retry_buffer_truncated()
        && session.response_written().is_none()
}

/// Looks at the status of an upstream's answer.
///
/// # Errors
/// When another endpoint is tried instead.
pub(super) fn by_status(session: &Session, status: StatusCode, ctx: &mut Context) -> Result<()> {
    let statuses = &Retry::of(ctx).conditions.statuses;
    if status.is_informational() {
        return Ok(());
    }
    // Whoever answers instead of an error says so with that status.
    let named = ctx.detour.is_none() && !statuses.is_empty() && statuses.contains(&status.as_u16());
    match named && status.is_server_error() {
        true => ctx.target_failed(Reason::UpstreamBroken),
        false => ctx.target_answered(),
    }
    if !named || !allowed(ctx) || !repeatable(session, ctx, false) {
        return Ok(());
    }
    // The last endpoint's answer is better than none: nobody is left who could give another one.
    let others = ctx.group.as_ref().is_some_and(|group| group.len() > ctx.failed.len() + 1);
    if !others {
        return Ok(());
    }
    ctx.unwanted = true;
    Err(Error::new_up(ErrorType::HTTPStatus(status.as_u16())))
}
