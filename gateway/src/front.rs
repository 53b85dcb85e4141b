//! The front: from an accepted connection to one checked request at a time for the engine.
//!
//! ```text
//!   accept ──▶ tls ──▶ http1: head (checked) ──▶ stream (one request) ──▶ engine (crate::proxy)
//!                └────▶ http2: preface ───────────────────────────────▶ engine
//! ```
//!
//! Every state before a request has a deadline, a size limit and a counted connection.

pub mod accept;
pub mod chunked;
pub mod client_hello;
pub mod head;
pub mod http1;
mod http2;
mod outgoing;
mod passthrough;
pub mod proxy_protocol;
pub mod stream;
pub mod streams;
pub mod tls;

use crate::drain::{Busy, Drain};
use crate::live::Live;
use crate::page;
use crate::proxy::Gateway;
use crate::reason::Reason;
use crate::telemetry::Telemetry;
use ingora_config::Settings;
use pingora_proxy::HttpProxy;
use std::sync::Arc;
use std::time::Duration;
use stream::ClientStream;
use tokio::time::timeout;

/// The connection preface of HTTP/2 (RFC 9113 section 3.4).
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection needs to be served. One per core.
pub struct Front {
    /// The configuration.
    pub live: Arc<Live>,
    /// The engine of this core.
    pub proxy: Arc<HttpProxy<Gateway>>,
    /// The phase and the open connections.
    pub drain: Arc<Drain>,
    /// The requests in flight on this core.
    pub busy: Arc<Busy>,
    /// Where refusals are told.
    pub telemetry: Arc<Telemetry>,
    /// Overrides `client-header-timeout`, for tests.
    pub client_header_timeout: Option<Duration>,
}

impl Front {
    /// How long a TLS handshake, a preface or a head may take in total.
    fn header_time(&self, settings: &Settings) -> Duration {
        self.client_header_timeout
            .unwrap_or_else(|| Duration::from_secs(settings.client.client_header_timeout.into()))
    }

    /// The same, where no table is at hand.
    fn current_header_time(&self) -> Duration {
        self.header_time(self.live.table().settings())
    }

    /// Serves a connection until it ends.
    ///
    /// What it waits for is part of the task of every connection, idle ones too: whatever is large and rare is put into a
    /// box where it is waited for.
    async fn serve(&self, mut stream: Box<ClientStream>) {
        if matches!(
            pingora::protocols::Ssl::selected_alpn_proto(&*stream),
            Some(pingora::protocols::ALPN::H2)
        ) {
            if self.read_preface(&mut stream).await {
                Box::pin(http2::serve(self, stream)).await;
            }
            return;
        }
        http1::serve(self, stream).await;
    }

    /// Whether the client starts HTTP/2 in time. The engine would wait for it without end.
    async fn read_preface(&self, stream: &mut ClientStream) -> bool {
        let read = async {
            while stream.buffered().len() < H2_PREFACE.len() {
                if !H2_PREFACE.starts_with(stream.buffered()) || !matches!(stream.fill().await, Ok(1..)) {
                    return false;
                }
            }
            stream.buffered().starts_with(H2_PREFACE)
        };
        timeout(self.current_header_time(), read).await.unwrap_or(false)
    }

    /// Answers a request that never reached the engine, and closes.
    async fn refuse(&self, mut stream: Box<ClientStream>, reason: Reason) {
        let table = self.live.table();
        self.telemetry.refused(stream.client(), stream.is_tls(), reason, &table.compiled().log);
        drop(table);
        Box::pin(stream.refuse(&page::raw(reason))).await;
    }
}
