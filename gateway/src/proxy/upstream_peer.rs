//! Third phase, once per try: picks an endpoint and says how patient to be with it.

use super::Context;
use crate::reason::Reason;
use crate::upstream::load::Busy;
use crate::upstream::{Selection, Target};
use ingora_config::Protocol;
use pingora::protocols::Digest;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) fn choose(ctx: &mut Context) -> Result<Box<HttpPeer>> {
    let mut target = pick(ctx);
    if target.is_none() && ctx.canary.take().is_some() {
        // The canary lost its last endpoint since it was chosen.
        ctx.group = ctx.route.as_ref().and_then(|route| route.group.clone());
        ctx.session = None;
        target = pick(ctx);
    }
    let Some(target) = target else {
        ctx.reason = Some(Reason::NoEndpoints);
        return Err(Error::new_up(ErrorType::HTTPStatus(Reason::NoEndpoints.status())));
    };
    let settings = ctx.table().settings();
    let seconds = |value: u32| Some(Duration::from_secs(value.max(1).into()));
    let mut peer = Box::new(target.peer.clone());
    let options = &mut peer.options;
    options.connection_timeout = seconds(settings.proxy.proxy_connect_timeout);
    options.total_connection_timeout = options.connection_timeout;
    options.read_timeout = seconds(settings.proxy.proxy_read_timeout);
    options.write_timeout = seconds(settings.proxy.proxy_send_timeout);
    options.idle_timeout = seconds(settings.proxy.upstream_keepalive_timeout);
    let measured =
        ctx.selection == Selection::Ewma || ctx.group.as_ref().is_some_and(|group| group.is_measured());
    ctx.at_target = measured.then(|| Busy::new(&target));
    ctx.target = Some(Arc::clone(&target));
    ctx.reason = None;
    ctx.tries += 1;
    let now = Instant::now();
    ctx.first_try.get_or_insert(now);
    ctx.try_started = Some(now);
    ctx.last_on_connection = false;
    ctx.connect_time = None;
    ctx.header_time = None;
    // The engine sends what it kept of the body through the filters again.
    ctx.body_received = 0;
    Ok(peer)
}

fn pick(ctx: &mut Context) -> Option<Arc<Target>> {
    let (group, probing) = (ctx.group.as_ref()?, ctx.probing());
    match &mut ctx.session {
        Some(session) => group.pick_for(session, ctx.selection, &ctx.failed, probing),
        None => group.pick_by(ctx.selection, &ctx.failed, probing),
    }
}

/// `upstream-keepalive-time`: a connection from the pool that is older gets its last request. Only HTTP/1 can say so.
pub(super) fn look_at_age(reused: bool, digest: Option<&Digest>, ctx: &mut Context) {
    let limit = ctx.table().settings().proxy.upstream_keepalive_time;
    if !reused || limit == 0 || ctx.target.as_ref().is_none_or(|target| target.protocol != Protocol::Http1) {
        return;
    }
    let timing = digest.and_then(|digest| digest.timing_digest.first()?.as_ref());
    let age = timing.and_then(|timing| timing.established_ts.elapsed().ok());
    ctx.last_on_connection = age.is_some_and(|age| age >= Duration::from_secs(limit.into()));
}
