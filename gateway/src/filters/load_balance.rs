//! `load-balance`, `upstream-hash-by`, `service-upstream`: how a request of a route chooses among the endpoints of its group.
//!
//! ```text
//!   the Service's own address ─▶ session (affinity) ─▶ key (upstream-hash-by) ─▶ load-balance ─▶ the ConfigMap's
//! ```
//!
//! The endpoints and what is known of them belong to the group, [`crate::upstream`]; here is only what the route wants.

use super::affinity;
use crate::proxy::Context;
use crate::table::CompiledRoute;
use crate::template::Scope;
use crate::upstream::{Group, Selection, Session, ring};
use ingora_config::Route;
use ingora_config::policy::{Affinity, AffinityMode, Algorithm, HashBy, LoadBalance};
use ingora_config::settings::LoadBalanceDefaults;
use pingora::http::RequestHeader;

/// Lets a group prepare what a route, or a canary of it, will ask of it.
pub fn prepare(group: &Group, wishes: Option<&LoadBalance>, affinity: Option<&Affinity>) {
    match affinity.map(|affinity| affinity.mode) {
        Some(AffinityMode::Balanced) => group.want_ring(),
        Some(AffinityMode::Persistent) => group.want_places(),
        None => {}
    }
    if wishes.is_some_and(|wishes| wishes.hash_by.is_some()) {
        group.want_ring();
    }
    if wishes.is_some_and(|wishes| wishes.algorithm == Some(Algorithm::Ewma)) {
        group.want_measures();
    }
}

/// The sessions that the requests of a route's canary have: those of the primary, unless the canary wants none.
pub fn sessions_of_canary(route: &Route, sticky: bool) -> Option<&Affinity> {
    route.policy.affinity.as_deref().filter(|_| sticky)
}

/// Whether requests of a route can go anywhere.
pub fn has_endpoints(route: &CompiledRoute, group: &Group, ctx: &Context) -> bool {
    let wishes = route.route.policy.load_balance.as_deref();
    !group.is_empty() || by_address(wishes, group, &ctx.table().settings().load_balance)
}

/// Decides how a request chooses, once it is clear whether it is a canary's. Of a route that wants nothing special it is
/// the ConfigMap's word.
pub fn choose(route: &CompiledRoute, request: &RequestHeader, ctx: &mut Context) {
    let defaults = ctx.table().settings().load_balance;
    let canary = route.canary(ctx.canary);
    let wishes = match canary {
        Some(canary) => canary.rule.load_balance.as_deref(),
        None => route.route.policy.load_balance.as_deref(),
    };
    let algorithm = match wishes.and_then(|wishes| wishes.algorithm).unwrap_or(defaults.load_balance) {
        Algorithm::RoundRobin => Selection::RoundRobin,
        Algorithm::Ewma => Selection::Ewma,
    };
    ctx.selection = algorithm;
    ctx.idempotent = request.method.is_idempotent();
    if wishes.is_none() && !defaults.service_upstream && route.filters.affinity.is_none() {
        return;
    }
    let Some(group) = &ctx.group else { return };
    if by_address(wishes, group, &defaults) {
        ctx.selection = Selection::Service;
        return;
    }
    if let Some(affinity) = route.filters.affinity.as_deref()
        && canary.is_none_or(|canary| canary.rule.sticky)
    {
        ctx.session = Some(session(affinity, group, request));
    } else if let Some(hash_by) = wishes.and_then(|wishes| wishes.hash_by.as_ref()) {
        ctx.selection = by_key(hash_by, route, request, ctx).unwrap_or(algorithm);
    }
}

fn session(affinity: &affinity::Affinity, group: &Group, request: &RequestHeader) -> Session {
    Session {
        mode: affinity.mode,
        change_on_failure: affinity.change_on_failure,
        place: affinity.place(&request.headers, group.tag()),
        fresh: false,
    }
}

fn by_address(wishes: Option<&LoadBalance>, group: &Group, defaults: &LoadBalanceDefaults) -> bool {
    let wanted = wishes.and_then(|wishes| wishes.service_upstream).unwrap_or(defaults.service_upstream);
    wanted && group.has_service_address()
}

/// `None` where the key comes to nothing: everybody without the header would go to one endpoint.
fn by_key(
    hash_by: &HashBy,
    route: &CompiledRoute,
    request: &RequestHeader,
    ctx: &Context,
) -> Option<Selection> {
    let text = Scope { request, ctx, route, groups: None }.render(&hash_by.key).ok()?;
    (!text.is_empty()).then(|| Selection::Hash(ring::key(&text), hash_by.subset))
}
