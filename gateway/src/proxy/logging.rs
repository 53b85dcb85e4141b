//! Last phase: one line and a few counters.

use super::{Context, request};
use crate::front::streams;
use crate::reason::Reason;
use crate::settings::LogSettings;
use crate::telemetry::{Record, Telemetry};
use http::Version;
use pingora_proxy::Session;
use std::time::{Duration, Instant};

pub(super) fn record(telemetry: &Telemetry, session: &mut Session, ctx: &mut Context) {
    let written = session.response_written().map(|response| response.status.as_u16());
    let status = match (written, ctx.reason) {
        (Some(status), _) => status,
        (None, Some(reason)) => reason.status(),
        (None, None) => Reason::ClientClosed.status(),
    };
    // Before anything is told: a client that has its answer may ask again.
    ctx.held = None;
    count_stream(session, ctx);
    let bytes_out = session.body_bytes_sent() as u64;
    let bytes_in = ctx.body_received.max(session.body_bytes_read() as u64);
    let request = session.req_header();
    let response = session.response_written();
    let detour = ctx.detour.as_deref();
    let now = Instant::now();
    let record = Record {
        client: ctx.client,
        user: ctx.user.as_deref().unwrap_or(""),
        method: request.method.as_str(),
        tls: ctx.tls,
        host: &ctx.host,
        path: request::raw_path(request.raw_path()).unwrap_or(""),
        protocol: protocol(request.version),
        status,
        reason: ctx.reason.or(detour.and_then(|detour| detour.reason)),
        error_status: detour.map(|detour| detour.code.as_u16()),
        route: ctx.route.as_deref(),
        canary: ctx.route.as_ref().and_then(|route| route.canary(ctx.canary)),
        upstream_address: ctx.target.as_ref().map(|target| &*target.name),
        tries: ctx.tries + detour.map_or(0, |detour| detour.tries),
        bytes_in,
        bytes_out,
        duration: now - ctx.started,
        connect_time: ctx.connect_time,
        header_time: ctx.header_time,
        request_id: &ctx.request_id,
        user_agent: request
            .headers
            .get(http::header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or(""),
        upstream_time: ctx.header_time.and(ctx.try_started).map(|at| now - at),
        target: std::str::from_utf8(request.raw_path()).unwrap_or(""),
        unrouted: ctx.unrouted,
        rewritten: &ctx.rewritten,
        request_headers: Some(&request.headers),
        response_headers: response.map(|response| &response.headers),
    };
    match &ctx.table {
        Some(table) => telemetry.request(&record, &table.compiled().log),
        None => telemetry.request(&record, &LogSettings::default()),
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

/// Tells an HTTP/2 connection how its request ended.
fn count_stream(session: &Session, ctx: &Context) {
    let digest = session.digest().and_then(|digest| digest.proxy_digest.as_deref());
    if let Some(streams) = digest.and_then(streams::of) {
        // Whoever ends a long stream that way does no harm.
        let soon = ctx.started.elapsed() < Duration::from_secs(1);
        streams.finished(soon && ctx.reason == Some(Reason::ClientClosed));
    }
}
