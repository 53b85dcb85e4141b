//! Third phase, once per try: picks an endpoint and says how patient to be with it.

use super::Context;
use crate::reason::Reason;
use crate::upstream::Target;
use ingora_config::Protocol;
use pingora::protocols::Digest;
use pingora::protocols::tls::SslDigest;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) fn choose(ctx: &mut Context) -> Result<Box<HttpPeer>> {
    let mut target = pick(ctx);
    if target.is_none() && ctx.canary.take().is_some() {
        // The canary lost its last endpoint since it was chosen.
        ctx.group = ctx.route.as_ref().and_then(|route| route.group.clone());
        target = pick(ctx);
    }
    let Some(target) = target else {
        ctx.reason = Some(Reason::NoEndpoints);
        return Err(Error::new_up(ErrorType::HTTPStatus(Reason::NoEndpoints.status())));
    };
    let settings = ctx.table().settings();
    let seconds = |value: u32| Some(Duration::from_secs(value.max(1).into()));
    let mut peer = Box::new(target.peer.clone());
    if let Some(transport) = ctx.transport()
        && transport.apply(target.protocol, &mut peer, ctx.tls).is_err()
    {
        ctx.reason = Some(Reason::Denied);
        return Err(Error::new_up(ErrorType::HTTPStatus(Reason::Denied.status())));
    }
    let options = &mut peer.options;
    options.connection_timeout = seconds(settings.proxy.proxy_connect_timeout);
    options.total_connection_timeout = options.connection_timeout;
    options.read_timeout = seconds(settings.proxy.proxy_read_timeout);
    options.write_timeout = seconds(settings.proxy.proxy_send_timeout);
    options.idle_timeout = seconds(settings.proxy.upstream_keepalive_timeout);
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

fn pick(ctx: &Context) -> Option<Arc<Target>> {
    ctx.group.as_ref()?.pick(&ctx.failed)
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

/// `upstream-keepalive-time`: a connection from the pool that is older gets its last request. Only HTTP/1 can say so.
pub(super) fn look_at_age(reused: bool, digest: Option<&Digest>, ctx: &mut Context) {
    let limit = ctx.table().settings().proxy.upstream_keepalive_time;
    if !reused || limit == 0 || ctx.protocol() != Some(Protocol::Http1) {
        return;
    }
    let timing = digest.and_then(|digest| digest.timing_digest.first()?.as_ref());
    let age = timing.and_then(|timing| timing.established_ts.elapsed().ok());
    ctx.last_on_connection = age.is_some_and(|age| age >= Duration::from_secs(limit.into()));
}
