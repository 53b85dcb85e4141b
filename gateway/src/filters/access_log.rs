//! `enable-access-log`, `enable-rewrite-log`: what the log says of a route's requests.

use crate::proxy::Context;
use crate::table::CompiledRoute;
use pingora::http::RequestHeader;

/// Whether requests of this route are logged, if the ConfigMap has a log at all.
pub fn wants(route: Option<&CompiledRoute>) -> bool {
    route.and_then(|route| route.route.policy.access_log.as_deref()).is_none_or(|log| log.enabled)
}

/// Keeps the path that an endpoint sees where it is another one than the client asked for. Queries are not for the log.
pub fn note_rewrite(client: &RequestHeader, request: &RequestHeader, ctx: &mut Context) {
    let log = ctx.route.as_ref().and_then(|route| route.route.policy.access_log.as_deref());
    if log.is_none_or(|log| !log.rewrites) {
        return;
    }
    let path = |request: &RequestHeader| {
        let target = request.raw_path();
        String::from_utf8_lossy(&target[..memchr::memchr(b'?', target).unwrap_or(target.len())]).into_owned()
    };
    let seen = path(request);
    ctx.rewritten = if seen == path(client) { String::new() } else { seen };
}
