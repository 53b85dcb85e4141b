//! Copies of requests on their way to where `mirror-target` says: a client of the gateway's own, one for each core.
//!
//! ```text
//!   request ─▶ filters/mirror (head, then body) ─▶ Copy::send ─▶ a task: pick an endpoint ─▶ connect ─▶ answer read and dropped
//!                        └─ no place, no memory, body too large: dropped and counted
//! ```
//!
//! A copy never delays or changes the request it was made of. What it may use is bounded: copies under way for each route and each
//! core, and the bytes of their bodies.

use crate::telemetry::metrics::Copies;
use crate::upstream::Group;
use bytes::Bytes;
use pingora::connectors::ConnectorOptions;
use pingora::connectors::http::v1::Connector;
use pingora::http::RequestHeader;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Copies under way on one core.
const AT_ONCE: usize = 1024;
/// Copies under way for one route and core: a slow target takes no places from others.
pub const AT_ONCE_OF_ROUTE: usize = 64;
/// Bytes of bodies that one core holds for copies.
const MEMORY: usize = 16 << 20;
/// The largest body that is copied, in bytes.
const MAX_BODY: usize = 1 << 20;
/// Idle connections that one core keeps.
const IDLE_CONNECTIONS: usize = 64;
/// How long they are kept.
const IDLE: Duration = Duration::from_secs(30);
/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);
/// For a copy as a whole.
const TOTAL: Duration = Duration::from_secs(60);
/// An answer is read to this many bytes; after more of them its connection is closed.
const MAX_ANSWER: usize = 1 << 20;

/// Who gets copies.
#[derive(Debug)]
pub struct Target {
    tls: bool,
    /// The name for the TLS handshake (RFC 6066 section 3); empty for an address.
    server_name: String,
    group: Arc<Group>,
}

impl Target {
    /// `group` has the endpoints behind `host`.
    pub fn new(tls: bool, host: &str, group: Arc<Group>) -> Self {
        let server_name = if host.parse::<IpAddr>().is_ok() { "" } else { host };
        Self { tls, server_name: server_name.to_owned(), group }
    }
}

/// The client of one core.
pub struct Mirrors {
    connector: Connector,
    places: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    counts: Copies,
}

impl Mirrors {
    /// A client that has nothing to do yet.
    pub fn new(counts: Copies) -> Arc<Self> {
        Arc::new(Self {
            connector: Connector::new(Some(ConnectorOptions::new(IDLE_CONNECTIONS))),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            memory: Arc::new(Semaphore::new(MEMORY)),
            counts,
        })
    }

    /// A copy with this head; `None`, and counted, when too many are under way. `places` are those of the route.
    pub fn copy(
        self: &Arc<Self>,
        target: &Arc<Target>,
        places: &Arc<Semaphore>,
        head: RequestHeader,
    ) -> Option<Copy> {
        let own = Arc::clone(places).try_acquire_owned();
        let (Ok(own), Ok(common)) = (own, Arc::clone(&self.places).try_acquire_owned()) else {
            self.drop_one();
            return None;
        };
        let target = Arc::clone(target);
        let body = Some(Body::default());
        Some(Copy { mirrors: Arc::clone(self), target, head, body, _places: (own, common) })
    }

    /// Counts a copy that was not sent.
    pub fn drop_one(&self) {
        self.counts.dropped.inc();
    }

    async fn exchange(&self, target: &Target, head: RequestHeader, body: &[Bytes]) -> Result<()> {
        let endpoint = target.group.pick(&[]).ok_or_else(|| Error::new(ErrorType::ConnectError))?;
        let mut peer = HttpPeer::new(endpoint.address, target.tls, target.server_name.clone());
        peer.group_key = endpoint.peer.group_key;
        let options = &mut peer.options;
        options.connection_timeout = Some(CONNECT);
        options.total_connection_timeout = Some(CONNECT);
        options.read_timeout = Some(TOTAL);
        options.write_timeout = Some(TOTAL);
        options.idle_timeout = Some(IDLE);
        // As ingress-nginx, whose proxy_ssl_verify is off here.
        options.verify_cert = false;
        options.verify_hostname = false;
        let (mut http, reused) = self.connector.get_http_session(&peer).await?;
        let mut sent = send(&mut http, &head, body).await;
        if sent.is_err() && reused {
            // It was closed while it lay there.
            http = self.connector.get_http_session(&peer).await?.0;
            sent = send(&mut http, &head, body).await;
        }
        sent?;
        let mut read = 0;
        while let Some(chunk) = http.read_body_bytes().await? {
            read += chunk.len();
            if read > MAX_ANSWER {
                return Ok(());
            }
        }
        self.connector.release_http_session(http, &peer, Some(IDLE)).await;
        Ok(())
    }
}

async fn send(
    http: &mut pingora::protocols::http::v1::client::HttpSession,
    head: &RequestHeader,
    body: &[Bytes],
) -> Result<()> {
    http.write_request_header(Box::new(head.clone())).await?;
    for piece in body {
        http.write_body(piece).await?;
    }
    http.finish_body().await?;
    http.read_response().await.map(drop)
}

/// What was gathered of a body, and the memory it holds.
#[derive(Default)]
struct Body {
    pieces: Vec<Bytes>,
    length: usize,
    held: Option<OwnedSemaphorePermit>,
}

/// A copy that is being made. Dropping it drops the copy.
pub struct Copy {
    mirrors: Arc<Mirrors>,
    target: Arc<Target>,
    head: RequestHeader,
    /// `None` when it became too much.
    body: Option<Body>,
    _places: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl Copy {
    /// Adds to the body.
    pub fn gather(&mut self, piece: &Bytes) {
        let Some(body) = &mut self.body else { return };
        let size = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        let memory = Arc::clone(&self.mirrors.memory).try_acquire_many_owned(size);
        body.length += piece.len();
        match (memory, body.length <= MAX_BODY) {
            (Ok(memory), true) => {
                body.pieces.push(piece.clone());
                match &mut body.held {
                    Some(held) => held.merge(memory),
                    none => *none = Some(memory),
                }
            }
            _ => self.body = None,
        }
    }

    /// The body comes once more, from its start.
    pub fn begin_anew(&mut self) {
        if let Some(body) = &mut self.body {
            *body = Body::default();
        }
    }

    /// Sends it, unless its body is too much. Nobody waits for it.
    pub fn send(self) {
        let Self { mirrors, target, mut head, body, _places: places } = self;
        let Some(body) = body else { return mirrors.drop_one() };
        let framed = match body.length {
            0 => Ok(()),
            length => head.insert_header(http::header::CONTENT_LENGTH, length),
        };
        if framed.is_err() {
            return mirrors.drop_one();
        }
        tokio::spawn(async move {
            let exchange = mirrors.exchange(&target, head, &body.pieces);
            match timeout(TOTAL, exchange).await {
                Ok(Ok(())) => mirrors.counts.sent.inc(),
                Ok(Err(_)) | Err(_) => mirrors.counts.failed.inc(),
            };
            drop(places);
        });
    }
}
