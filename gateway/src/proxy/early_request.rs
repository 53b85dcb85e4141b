//! First phase: pins the table, sets the limits of this request, and finds out who asks and for which host.

use super::{Context, Gateway};
use crate::authority;
use crate::drain::InFlight;
use crate::reason::Reason;
use http::{Method, Version, header};
use pingora::http::RequestHeader;
use pingora::{Error, ErrorType, Result};
use pingora_proxy::Session;
use std::sync::Arc;
use std::time::Duration;

/// How long the rest of a body is read and dropped to keep a connection.
const DRAIN: Duration = Duration::from_secs(5);

pub(super) fn filter(gateway: &Gateway, session: &mut Session, ctx: &mut Context) -> Result<()> {
    let table = gateway.live.table();
    let settings = table.settings();
    let body_timeout = Duration::from_secs(settings.client.client_body_timeout.max(1).into());
    session.set_read_timeout(Some(body_timeout));
    // ingress-nginx leaves nginx' send_timeout at 60 s.
    session.set_write_timeout(Some(Duration::from_secs(60)));
    session.set_total_drain_timeout(Some(DRAIN));
    ctx.table = Some(table);
    if session.req_header().version == Version::HTTP_2 {
        // HTTP/1 requests are counted by the front, from their first byte on.
        ctx.in_flight = Some(InFlight::new(Arc::clone(&gateway.busy)));
    }
    // The engine counts a 100 as an answer before the end of the body and would close the connection behind it. What
    // that guards against is done where a final answer comes before the body: see `Context::waits_for_continue`.
    ctx.waits_for_continue = session.req_header().headers.contains_key(header::EXPECT);
    session.set_close_on_response_before_downstream_finish(!ctx.waits_for_continue);
    if let Some(digest) = session.digest() {
        ctx.tls = digest.ssl_digest.is_some();
    }
    read_client(session, ctx);
    read_host(session.req_header_mut(), ctx)
}

/// Refuses the request with a page.
pub(super) fn refuse(ctx: &mut Context, reason: Reason) -> Box<Error> {
    ctx.reason = Some(reason);
    Error::new_down(ErrorType::HTTPStatus(reason.status()))
}

/// The one answer to who asks.
fn read_client(session: &Session, ctx: &mut Context) {
    let Some(neighbour) = session.client_addr().and_then(|address| address.as_inet()) else { return };
    let neighbour = neighbour.ip();
    // The front says where a connection was made to only if a PROXY header told it; nobody else looks.
    let socket = session.digest().and_then(|digest| digest.socket_digest.as_ref());
    let server = socket.and_then(|socket| socket.local_addr.get()?.as_ref()?.as_inet().copied());
    let rule = &ctx.table().compiled().client_address;
    let (client, forwarded) = rule.read(neighbour, server, &session.req_header().headers);
    ctx.neighbour = neighbour;
    ctx.client = client;
    ctx.forwarded = forwarded;
}

/// The one reading of the authority: from `:authority`, else from Host. HTTP/1 heads were checked byte by byte in the
/// front, which leaves absolute-form targets their path only; the same rules hold for HTTP/2 here.
fn read_host(request: &mut RequestHeader, ctx: &mut Context) -> Result<()> {
    if matches!(request.method, Method::CONNECT | Method::TRACE) {
        return Err(refuse(ctx, Reason::MethodNotAllowed));
    }
    let mut hosts = request.headers.get_all(header::HOST).iter();
    let host = hosts.next().map(|value| value.as_bytes());
    if hosts.next().is_some() {
        return Err(refuse(ctx, Reason::BadRequest));
    }
    let target = request.uri.authority().map(|authority| authority.as_str().as_bytes());
    match (target, host) {
        (Some(target), Some(host)) if !target.eq_ignore_ascii_case(host) => {
            return Err(refuse(ctx, Reason::BadRequest));
        }
        (None, None) if request.version == Version::HTTP_10 => {}
        (None, None) => return Err(refuse(ctx, Reason::BadRequest)),
        (target, host) => match target.or(host).and_then(authority::parse) {
            Some(authority) => {
                ctx.host.push_str(authority.host);
                ctx.host.make_ascii_lowercase();
            }
            None => return Err(refuse(ctx, Reason::BadRequest)),
        },
    }
    Ok(())
}
