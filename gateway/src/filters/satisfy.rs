//! Who may ask: the last part of the access phase, and the only one that may wait. Source ranges, then credentials.
//!
//! ```text
//!   on a deny list ─▶ 403, whatever else is asked for
//!   satisfy: all   ─▶ allow list and credentials     satisfy: any ─▶ one of them is enough
//! ```
//!
//! Paths of `no-auth-locations` ask for no credentials.

use super::external_auth;
use super::source_range::{self, Standing};
use crate::answer::Answer;
use crate::proxy::{Context, Gateway};
use crate::reason::Reason;
use crate::table::CompiledRoute;
use pingora_proxy::Session;

/// Whether the client may ask for what the route serves.
///
/// # Errors
/// The refusal.
pub async fn check(
    gateway: &Gateway,
    session: &mut Session,
    route: &CompiledRoute,
    ctx: &mut Context,
) -> Result<(), Answer> {
    let result = guards(gateway, session, route, ctx).await;
    result.map_err(|answer| external_auth::signin(&gateway.ports, route, session.req_header(), ctx, answer))
}

async fn guards(
    gateway: &Gateway,
    session: &mut Session,
    route: &CompiledRoute,
    ctx: &mut Context,
) -> Result<(), Answer> {
    // Not among the filters of a route: the ConfigMap's ranges hold for routes without any of their own.
    let standing = source_range::standing(route.filters.source_range.as_ref(), ctx);
    let any = route.filters.satisfy_any && asks_for_credentials(route, ctx);
    let mut verdict = Verdict { any, refusal: None };
    match standing {
        Standing::Listed if any => return Ok(()),
        Standing::Stranger if any => verdict.refusal = Some(Answer::page(Reason::SourceForbidden)),
        Standing::Denied | Standing::Stranger => return Err(Answer::page(Reason::SourceForbidden)),
        Standing::Listed | Standing::Unasked => {}
    }
    if !asks_for_credentials(route, ctx) {
        return Ok(());
    }
    if let Some(basic_auth) = &route.filters.basic_auth {
        let result = basic_auth.check(gateway, session, ctx).await;
        if verdict.take(result)? {
            return Ok(());
        }
    }
    if external_auth::guards(route, ctx.table()) {
        let result = external_auth::check(gateway, session, route, ctx).await;
        if verdict.take(result)? {
            return Ok(());
        }
    }
    verdict.end()
}

/// Whether the route lets everybody in, so that nothing has to be checked.
pub fn is_open(route: &CompiledRoute, ctx: &Context) -> bool {
    source_range::standing(route.filters.source_range.as_ref(), ctx) == Standing::Unasked
        && !asks_for_credentials(route, ctx)
}

/// Whether credentials decide: where a route has any guard that asks for them, and its path is none of `no-auth-locations`.
pub fn asks_for_credentials(route: &CompiledRoute, ctx: &Context) -> bool {
    let any = route.filters.basic_auth.is_some() || external_auth::guards(route, ctx.table());
    any && !ctx.table().settings().no_auth_locations.covers(route.path())
}

/// What the guards said so far.
struct Verdict {
    any: bool,
    refusal: Option<Answer>,
}

impl Verdict {
    /// Takes what one guard says; `true` when nothing more has to be asked.
    fn take(&mut self, result: Result<(), Answer>) -> Result<bool, Answer> {
        match result {
            Ok(()) => Ok(self.any),
            Err(answer) if !self.any => Err(answer),
            Err(answer) => {
                // Of several refusals the client gets the one it can do most about: to try again, then to log in.
                let rank = |answer: &Answer| match answer.status {
                    500.. => 2,
                    403 => 0,
                    _ => 1,
                };
                if self.refusal.as_ref().is_none_or(|before| rank(before) <= rank(&answer)) {
                    self.refusal = Some(answer);
                }
                Ok(false)
            }
        }
    }

    /// When all were asked: with `any` nobody let the client in, with `all` nobody refused it.
    fn end(self) -> Result<(), Answer> {
        self.refusal.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(any: bool, list: Option<Reason>, guards: &[Result<(), Reason>]) -> Result<(), Reason> {
        let mut verdict = Verdict { any, refusal: list.map(Answer::page) };
        for guard in guards {
            if verdict.take(guard.map_err(Answer::page)).map_err(|answer| answer.reason)? {
                return Ok(());
            }
        }
        verdict.end().map_err(|answer| answer.reason)
    }

    #[test]
    fn all_is_everybody_and_any_is_anybody() {
        use Reason::{LoginsOverloaded as Busy, SourceForbidden as Stranger, Unauthorized as Login};
        for (any, list, guards, want) in [
            (false, None, &[Ok(()), Ok(())][..], Ok(())),
            (false, None, &[Ok(()), Err(Login)], Err(Login)),
            (false, None, &[Err(Busy), Ok(())], Err(Busy)),
            (true, None, &[Err(Login), Ok(())], Ok(())),
            (true, Some(Stranger), &[Ok(())], Ok(())),
            (true, Some(Stranger), &[Err(Login)], Err(Login)),
            (true, Some(Stranger), &[Err(Busy), Ok(())], Ok(())),
            (true, Some(Stranger), &[Err(Busy), Err(Login)], Err(Busy)),
            (true, None, &[Err(Login), Err(Stranger)], Err(Login)),
        ] {
            assert_eq!(end(any, list, guards), want, "{any} {list:?} {guards:?}");
        }
    }
}
