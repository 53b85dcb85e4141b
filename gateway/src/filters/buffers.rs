//! `proxy-body-size`, `client-body-buffer-size`, `proxy-request-buffering`: the bodies of requests.
//!
//! ```text
//!   known length, fits the buffer   client ══▶ gateway, then endpoint picked, then ══▶ endpoint      (on)
//!   anything else                   endpoint picked, then client ══▶ gateway ══▶ endpoint, streamed
//! ```
//!
//! What is received ahead lies in the buffer that the engine has for sending a body again.

use crate::proxy::Context;
use crate::table::CompiledRoute;
use http::header::{CONTENT_LENGTH, HeaderValue};
use ingora_config::Settings;
use pingora::http::RequestHeader;

/// The most that the engine keeps of a body to send it again, in bytes.
const MOST_AHEAD: u64 = 64 * 1024;

/// `proxy-body-size` of a request that takes this route, in bytes; 0 is unlimited.
pub fn body_limit(settings: &Settings, route: Option<&CompiledRoute>) -> u64 {
    let own = route.and_then(|route| route.route.policy.buffers.as_deref());
    own.and_then(|own| own.body_size).unwrap_or(settings.proxy.proxy_body_size)
}

/// Whether the body is to be received before an endpoint is bothered, so that a slow upload holds none and any endpoint can get it
/// again. A client that waits to be asked for its body is asked by the endpoint.
pub fn receives_ahead(request: &RequestHeader, ctx: &Context) -> bool {
    let length = content_length(request.headers.get(CONTENT_LENGTH));
    if length == 0 || length > MOST_AHEAD || ctx.waits_for_continue {
        return false;
    }
    let defaults = &ctx.table().settings().proxy;
    let own = ctx.route.as_ref().and_then(|route| route.route.policy.buffers.as_deref()).copied();
    let own = own.unwrap_or_default();
    own.request_buffering.unwrap_or(defaults.proxy_request_buffering)
        && length <= own.body_buffer_size.unwrap_or(defaults.client_body_buffer_size)
}

/// Only digits can be here: the front and the engine refuse everything else.
pub fn content_length(value: Option<&HeaderValue>) -> u64 {
    value.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}
