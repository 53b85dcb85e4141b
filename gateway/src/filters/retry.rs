//! `proxy-next-upstream`, `-timeout`, `-tries`: when another endpoint gets a request. The route's own values, else the
//! ConfigMap's; what follows from them is decided in `proxy/next_upstream.rs`.

use crate::proxy::Context;
use ingora_config::settings::NextUpstream;
use std::time::Duration;

/// The rules of one request.
#[derive(Clone, Copy, Debug)]
pub struct Retry<'c> {
    /// What must have gone wrong.
    pub conditions: &'c NextUpstream,
    /// Whether requests whose method changes something are sent again.
    pub non_idempotent: bool,
    /// Tries in total; 0 is unlimited.
    pub tries: u32,
    /// How long after the first try another one may begin; zero is unlimited.
    pub time: Duration,
}

impl<'c> Retry<'c> {
    /// Those of a request.
    pub fn of(ctx: &'c Context) -> Self {
        let defaults = &ctx.table().settings().proxy;
        let own = ctx.route.as_ref().and_then(|route| route.route.policy.retry.as_deref());
        let conditions =
            own.and_then(|own| own.next_upstream.as_ref()).unwrap_or(&defaults.proxy_next_upstream);
        let tries = own.and_then(|own| own.tries).unwrap_or(defaults.proxy_next_upstream_tries);
        let time = own.and_then(|own| own.timeout).unwrap_or(defaults.proxy_next_upstream_timeout);
        Self {
            conditions,
            non_idempotent: conditions.non_idempotent || defaults.retry_non_idempotent,
            tries,
            time: Duration::from_secs(time.into()),
        }
    }
}
