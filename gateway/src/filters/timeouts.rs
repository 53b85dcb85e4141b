//! `proxy-connect-timeout`, `proxy-send-timeout`, `proxy-read-timeout`: how patient a request is with its upstreams. The one
//! place that knows: the route's own values, else the ConfigMap's.

use crate::proxy::Context;
use std::time::Duration;

/// The patience of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands, its TLS handshake included.
    pub connect: Duration,
    /// Between two writes.
    pub send: Duration,
    /// Between two reads; of a WebSocket, between two bytes in either direction.
    pub read: Duration,
}

impl Timeouts {
    /// Those of a request.
    pub fn of(ctx: &Context) -> Self {
        let defaults = &ctx.table().settings().proxy;
        let own = ctx.route.as_ref().and_then(|route| route.route.policy.timeouts.as_deref()).copied();
        let own = own.unwrap_or_default();
        let seconds =
            |own: Option<u32>, default: u32| Duration::from_secs(own.unwrap_or(default).max(1).into());
        Self {
            connect: seconds(own.connect, defaults.proxy_connect_timeout),
            send: seconds(own.send, defaults.proxy_send_timeout),
            read: seconds(own.read, defaults.proxy_read_timeout),
        }
    }
}
