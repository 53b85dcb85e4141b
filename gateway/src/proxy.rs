//! The engine's hooks, one file per phase, each a few lines that call the rest of the gateway.
//!
//! ```text
//!   early_request ─▶ request ─▶ (tunnel) ─▶ upstream_peer ─▶ upstream_request ─▶ body ─▶ response ─▶ logging
//!   pin one table    route or    WebSocket   pick endpoint    headers to it       limits  headers     one line
//!                    refuse                        └──── error: try again, or why not ────┘
//! ```

mod body;
mod context;
mod early_request;
mod error;
mod grpc;
mod logging;
mod mirror;
mod moved;
mod next_upstream;
mod request;
mod request_id;
mod response;
mod tunnel;
mod upstream_peer;
pub(crate) mod upstream_request;

pub use context::Context;

use crate::drain::Busy;
use crate::filters::basic_auth::logins::Logins;
use crate::filters::external_auth::Asker;
use crate::filters::{access_log, buffers, error_pages, proxy_http};
use crate::live::Live;
use crate::mirror::Mirrors;
use crate::telemetry::Telemetry;
use crate::upstream::carried::Carried;
use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, Result, connectors::TransportConnector};
use pingora_proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// The ports clients use, which differ from the ports we listen on where something in front translates them. Digits, as
/// `X-Forwarded-Port` and redirects name them.
#[derive(Clone, Debug)]
pub struct PublicPorts {
    /// For clear text.
    pub http: String,
    /// For TLS.
    pub https: String,
}

/// The proxy application of one core.
pub struct Gateway {
    /// The configuration.
    pub live: Arc<Live>,
    /// Metrics and access log.
    pub telemetry: Arc<Telemetry>,
    /// The requests in flight on this core.
    pub busy: Arc<Busy>,
    /// Verifies passwords, for all cores.
    pub logins: Arc<Logins>,
    /// What `X-Forwarded-Port` says.
    pub ports: PublicPorts,
    /// The path of load balancers' health checks.
    pub health_check_path: Box<str>,
    /// Connects WebSocket tunnels, which the engine's own pool must not keep.
    pub connector: TransportConnector,
    /// What the connections to upstreams have carried.
    pub carried: Carried,
    /// Sends copies of requests.
    pub mirrors: Arc<Mirrors>,
    /// Asks the services of external authentication.
    pub external_auth: Asker,
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        Context::new()
    }

    fn init_downstream_modules(&self, _modules: &mut HttpModules) {
        // The default adds a compression module that costs allocations even when it is off.
    }

    async fn early_request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<()> {
        early_request::filter(self, session, ctx)
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        request::filter(self, session, ctx).await
    }

    async fn proxy_upstream_filter(&self, session: &mut Session, ctx: &mut Context) -> Result<bool> {
        if tunnel::is_websocket(session, ctx) {
            return Box::pin(tunnel::run(self, session, ctx)).await;
        }
        if error_pages::asks_for_page(ctx) {
            return Ok(true);
        }
        if buffers::receives_ahead(session.req_header(), ctx) {
            Box::pin(body::receive_ahead(session, ctx)).await?;
        }
        mirror::begin(self, session, ctx);
        Ok(true)
    }

    async fn upstream_peer(&self, _session: &mut Session, ctx: &mut Context) -> Result<Box<HttpPeer>> {
        upstream_peer::choose(ctx)
    }

    fn fail_to_connect(
        &self,
        session: &mut Session,
        _: &HttpPeer,
        ctx: &mut Context,
        e: Box<Error>,
    ) -> Box<Error> {
        error::connecting(session, ctx, e)
    }

    async fn connected_to_upstream(
        &self,
        _session: &mut Session,
        reused: bool,
        _peer: &HttpPeer,
        fd: RawFd,
        digest: Option<&Digest>,
        ctx: &mut Context,
    ) -> Result<()> {
        upstream_peer::check(digest.and_then(|digest| digest.ssl_digest.as_deref()), ctx)?;
        ctx.connected();
        upstream_peer::look_at_connection(&self.carried, fd, reused, digest, ctx);
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        let has_body = !session.is_body_empty();
        let client = session.req_header();
        upstream_request::filter(&self.ports, client, request, ctx)?;
        access_log::note_rewrite(client, request, ctx);
        proxy_http::apply(request, has_body, ctx)
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut Context,
    ) -> Result<()> {
        mirror::gather(body.as_ref(), end_of_stream, ctx);
        body::filter(body, end_of_stream, ctx)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        e: Box<Error>,
        ctx: &mut Context,
        client_reused: bool,
    ) -> Box<Error> {
        error::proxying(session, ctx, e, client_reused)
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        next_upstream::by_status(session, response.status, ctx)?;
        error::replace(session, response, ctx)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Context,
    ) -> Result<()> {
        response::filter(session, response, ctx)
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut Context,
    ) -> Result<Option<Duration>> {
        response::body(body, end_of_stream, ctx)?;
        Ok(ctx.delay(body.as_ref()))
    }

    async fn response_trailer_filter(
        &self,
        _session: &mut Session,
        _trailers: &mut HeaderMap,
        ctx: &mut Context,
    ) -> Result<Option<Bytes>> {
        // Trailers are the end of the body.
        let mut rest = None;
        response::body(&mut rest, true, ctx)?;
        Ok(rest)
    }

    async fn fail_to_proxy(&self, session: &mut Session, e: &Error, ctx: &mut Context) -> FailToProxy {
        error::answer(session, ctx, e).await
    }

    async fn logging(&self, session: &mut Session, _e: Option<&Error>, ctx: &mut Context) {
        logging::record(&self.telemetry, session, ctx);
    }

    // Every failure is told by the access log's reason and by a metric; a line per failed request would hand the log
    // to whoever sends bad requests.
    fn suppress_error_log(&self, _session: &Session, _ctx: &Context, _error: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(&self, _: &Session, _: &Context, _: &Error, _: ProxyWarnLogContext) -> bool {
        true
    }
}
