//! Third phase, once per try: picks an endpoint and says how patient to be with it.

use super::Context;
use crate::filters::error_pages;
use crate::filters::timeouts::Timeouts;
use crate::reason::Reason;
use crate::upstream::carried::Carried;
use crate::upstream::load::Busy;
use crate::upstream::{Selection, Target};
use ingora_config::Protocol;
use pingora::protocols::Digest;
use pingora::protocols::tls::SslDigest;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) fn choose(ctx: &mut Context) -> Result<Box<HttpPeer>> {
    let mut target = pick(ctx);
    if target.is_none() && ctx.detour.is_none() && ctx.canary.take().is_some() {
        // The canary lost its last endpoint since it was chosen.
        ctx.group = ctx.route.as_ref().and_then(|route| route.group.clone());
        (ctx.session, ctx.selection) = (None, Selection::RoundRobin);
        target = pick(ctx);
    }
    let Some(target) = target else {
        let reason = Reason::NoEndpoints;
        ctx.reason = Some(reason);
        let mut error = Error::new_up(ErrorType::HTTPStatus(reason.status()));
        error.set_retry(error_pages::begin(None, ctx, reason, reason.status(), &mut Vec::new()));
        return Err(error);
    };
    let timeouts = Timeouts::of(ctx);
    let idle = ctx.table().settings().proxy.upstream_keepalive_timeout;
    let mut peer = Box::new(target.peer.clone());
    if let Some(transport) = ctx.transport()
        && transport.apply(target.protocol, &mut peer, ctx.tls).is_err()
    {
        ctx.reason = Some(Reason::Denied);
        return Err(Error::new_up(ErrorType::HTTPStatus(Reason::Denied.status())));
    }
    let options = &mut peer.options;
    options.connection_timeout = Some(timeouts.connect);
    options.total_connection_timeout = Some(timeouts.connect);
    options.read_timeout = Some(timeouts.read);
    options.write_timeout = Some(timeouts.send);
    options.idle_timeout = Some(Duration::from_secs(idle.max(1).into()));
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
    if let Some(copy) = &mut ctx.copy {
        copy.begin_anew();
    }
    Ok(peer)
}

fn pick(ctx: &mut Context) -> Option<Arc<Target>> {
    let (group, probing) = (ctx.group.as_ref()?, ctx.probing());
    match &mut ctx.session {
        Some(session) => group.pick_for(session, ctx.selection, &ctx.failed, probing),
        None => group.pick_by(ctx.selection, &ctx.failed, probing),
    }
}

/// Before the first byte goes out on a connection: whether it leads where the route wants.
///
/// # Errors
/// When it does not; [`super::error::proxying`] then looks for another endpoint.
pub(super) fn check(tls: Option<&SslDigest>, ctx: &mut Context) -> Result<()> {
    let Some(transport) = ctx.transport() else { return Ok(()) };
    transport.check(tls, ctx.tls).map_err(|refusal| {
        let endpoint = ctx.target.as_ref().map_or("", |target| &target.name);
        tracing::debug!(endpoint, %refusal, "a connection to an endpoint is not used");
        ctx.reason = Some(Reason::UpstreamUntrusted);
        Error::new_up(ErrorType::InvalidCert)
    })
}

/// Whether the connection of this try gets no further request: `upstream-keepalive-time` and `-requests`, and `-connections` where
/// that is 0. Only HTTP/1 can say so.
pub(super) fn look_at_connection(
    carried: &Carried,
    descriptor: RawFd,
    reused: bool,
    digest: Option<&Digest>,
    ctx: &mut Context,
) {
    if ctx.protocol() != Some(Protocol::Http1) {
        return;
    }
    let number = carried.count(descriptor, reused);
    let limits = &ctx.table().settings().proxy;
    let worn = limits.upstream_keepalive_connections == 0
        || (limits.upstream_keepalive_requests > 0 && number >= limits.upstream_keepalive_requests);
    let old = || {
        let timing = digest.and_then(|digest| digest.timing_digest.first()?.as_ref());
        let age = timing.and_then(|timing| timing.established_ts.elapsed().ok());
        age.is_some_and(|age| age >= Duration::from_secs(limits.upstream_keepalive_time.into()))
    };
    ctx.last_on_connection = worn || (reused && limits.upstream_keepalive_time > 0 && old());
}
