//! Copies of requests (`mirror-target`), seen from the phases: begun when the request is about to go to an upstream, sent when its
//! body is there.

use super::{Context, Gateway, upstream_request};
use crate::template::{header_value, written_host};
use bytes::Bytes;
use http::header::HOST;
use pingora_proxy::Session;

/// Begins the copy of a request, where its route wants one, and sends it when nothing is missing.
pub(super) fn begin(gateway: &Gateway, session: &mut Session, ctx: &mut Context) {
    let Some(route) = ctx.route.as_ref().filter(|route| route.filters.mirror.is_some()).cloned() else {
        return;
    };
    let Some(mirror) = &route.filters.mirror else { return };
    let empty = session.is_body_empty();
    let client = session.req_header();
    let mut head = upstream_request::end_to_end(client);
    // The engine does the same for upstreams: over HTTP/2 there may be an authority alone.
    if head.insert_header(HOST, header_value(written_host(client))).is_err() {
        return;
    }
    let Ok(head) = upstream_request::introduced(&gateway.ports, client, head, ctx) else { return };
    let Some(mut copy) = mirror.begin(&gateway.mirrors, &route, client, head, ctx) else { return };
    if empty || !mirror.wants_body() {
        return copy.send();
    }
    // It was received ahead: the copy does not depend on what becomes of the request.
    let received = session.as_downstream_mut().is_body_done();
    match session.as_downstream().get_retry_buffer().filter(|_| received) {
        Some(body) => {
            copy.gather(&body);
            copy.send();
        }
        None => ctx.copy = Some(Box::new(copy)),
    }
}

/// Adds a piece of the body to the copy that waits for it.
pub(super) fn gather(chunk: Option<&Bytes>, end: bool, ctx: &mut Context) {
    let Some(copy) = &mut ctx.copy else { return };
    if let Some(chunk) = chunk {
        copy.gather(chunk);
    }
    if end && let Some(copy) = ctx.copy.take() {
        copy.send();
    }
}
