//! HTTP/2: the engine frames it; what a connection may do is read from the settings when it begins.

use super::Front;
use super::stream::ClientStream;
use crate::proxy::Gateway;
use ingora_config::settings::Client;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream, ServerApp};
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::server::ShutdownWatch;
use pingora_proxy::HttpProxy;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The engine, with the limits of one connection.
struct Multiplexed {
    proxy: Arc<HttpProxy<Gateway>>,
    server: HttpServerOptions,
    frames: H2Options,
}

/// Serves a connection that starts with the HTTP/2 preface.
pub(super) async fn serve(front: &Front, mut stream: Box<ClientStream>) {
    stream.multiplex();
    let shutdown = front.drain.shutdown_watch();
    let app = {
        let table = front.live.table();
        let client = &table.settings().client;
        let mut server = HttpServerOptions::default();
        server.h2_idle_timeout = Some(Duration::from_secs(client.keep_alive.max(1).into()));
        // Only connections whose preface was read and that offer nothing else get here.
        server.h2c = true;
        Arc::new(Multiplexed { proxy: Arc::clone(&front.proxy), server, frames: limits(client) })
    };
    app.process_new(stream, &shutdown).await;
}

/// Bounds of one connection: what a client may open, reset and make us remember.
fn limits(client: &Client) -> H2Options {
    let mut options = default_h2_options();
    options
        .max_concurrent_streams(client.http2_max_concurrent_streams)
        .max_header_list_size(u32::try_from(client.max_head()).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(Some(256))
        .max_concurrent_reset_streams(64)
        .initial_window_size(256 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .max_send_buffer_size(256 * 1024);
    options
}

type Served<'a> = Pin<Box<dyn Future<Output = Option<ReusedHttpStream>> + Send + 'a>>;

impl HttpServerApp for Multiplexed {
    // Written out, so that the engine's future is not put into a second box.
    fn process_new_http<'life0, 'life1, 'async_trait>(
        self: &'life0 Arc<Self>,
        session: ServerSession,
        shutdown: &'life1 ShutdownWatch,
    ) -> Served<'async_trait>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        self.proxy.process_new_http(session, shutdown)
    }

    fn h2_options(&self) -> Option<H2Options> {
        Some(self.frames.clone())
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.server)
    }
}
