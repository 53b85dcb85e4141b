//! WebSocket upgrades (RFC 6455), in a tunnel of our own.
//!
//! The engine loses an upgrade when the upstream's 101 overtakes the end of the (empty) request body: both sides of its
//! proxy loop then wait for each other. Here the order is fixed: head to the upstream, its answer, the answer to the
//! client, and only then bytes both ways.
//!
//! ```text
//!   client ──head──▶ upstream        101 ▶ relay both ways until one side ends or both are silent
//!   client ◀─answer─ upstream        else ▶ an ordinary answer, relayed to its end
//! ```

use super::{Context, Gateway, error, next_upstream, request, upstream_peer, upstream_request};
use crate::answer::Answer;
use crate::filters;
use crate::filters::error_pages::{self, Kind};
use crate::filters::timeouts::Timeouts;
use crate::front::stream::ClientStream;
use crate::reason::Reason;
use crate::upstream::Transport;
use bytes::Bytes;
use http::header::{CONNECTION, TRANSFER_ENCODING, UPGRADE};
use http::{Method, Version};
use ingora_config::Protocol;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Stream;
use pingora::protocols::http::v1::client::{HttpSession, http_req_header_to_wire};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use pingora_proxy::Session;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;

/// The largest head of an upstream's answer, in bytes.
const MAX_ANSWER_HEAD: usize = 64 * 1024;
/// The most header lines of it.
const MAX_ANSWER_LINES: usize = 128;
/// The most tries where the settings name no limit; the engine's own is the same.
const MAX_TRIES: u32 = 16;
/// How much is relayed at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// Whether the request wants to become a WebSocket: HTTP/1.1, GET, no body, `Upgrade: websocket`. Other upgrades are
/// forwarded as the ordinary requests they also are; `h2c` in particular would smuggle (RFC 9113 section 3.1).
pub(super) fn is_websocket(session: &mut Session, ctx: &Context) -> bool {
    if error_pages::asks_for_page(ctx) {
        return false;
    }
    let protocol = ctx.group.as_ref().map(|group| group.protocol());
    let http1 = ctx.transport().map(Transport::protocol).or(protocol) == Some(Protocol::Http1);
    let request = session.req_header();
    let has = |name, word: &str| {
        request
            .headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(word)))
    };
    http1
        && request.version == Version::HTTP_11
        && request.headers.contains_key(UPGRADE)
        && request.method == Method::GET
        && has(UPGRADE, "websocket")
        && has(CONNECTION, "upgrade")
        && session.as_downstream_mut().is_body_empty()
}

/// Serves the request to its end. Whatever goes wrong is answered here; `true` when an error page takes its place, for
/// which the engine asks.
pub(super) async fn run(gateway: &Gateway, session: &mut Session, ctx: &mut Context) -> Result<bool> {
    session.set_keepalive(None);
    match open(gateway, session, ctx).await {
        Ok((upstream, head)) => answer(session, ctx, upstream, head).await,
        Err(reason) => broken(session, ctx, reason).await,
    }
}

/// The answer to what went wrong.
async fn broken(session: &mut Session, ctx: &mut Context, reason: Reason) -> Result<bool> {
    ctx.reason = Some(reason);
    let begun = error_pages::begin(None, ctx, reason, reason.status(), &mut Vec::new());
    if begun || ctx.detour.as_ref().is_some_and(|detour| detour.kind != Kind::Spare) {
        return Ok(true);
    }
    request::respond(session, ctx, &Answer::page(reason)).await?;
    Ok(false)
}

/// The head of an upstream's answer and what was read behind it.
struct Head {
    raw: Vec<u8>,
    length: usize,
    status: u16,
}

/// Connects, sends the request and waits for the head of the answer.
async fn open(gateway: &Gateway, session: &Session, ctx: &mut Context) -> Result<(Stream, Head), Reason> {
    let (mut upstream, patience) = connect(gateway, session, ctx).await?;
    let head = request_head(gateway, session.req_header(), ctx).map_err(|_| Reason::BadRequest)?;
    let exchange = async {
        upstream.write_all(&head).await?;
        upstream.flush().await?;
        read_head(&mut upstream).await
    };
    match timeout(patience, exchange).await {
        Ok(Ok(head)) => {
            ctx.header_time = ctx.try_started.map(|at| at.elapsed());
            ctx.target_answered();
            Ok((upstream, head))
        }
        Ok(Err(_)) => Err(failed(ctx, Reason::UpstreamBroken)),
        Err(_) => Err(failed(ctx, Reason::UpstreamTimeout)),
    }
}

fn failed(ctx: &Context, reason: Reason) -> Reason {
    ctx.target_failed(reason);
    reason
}

/// A new connection to some endpoint; nothing is sent before one stands, so trying again is always safe.
async fn connect(
    gateway: &Gateway,
    session: &Session,
    ctx: &mut Context,
) -> Result<(Stream, Duration), Reason> {
    loop {
        let peer: Box<HttpPeer> =
            upstream_peer::choose(ctx).map_err(|_| ctx.reason.unwrap_or(Reason::NoEndpoints))?;
        match gateway.connector.new_stream(&*peer).await {
            Ok(stream) => {
                if upstream_peer::check(stream.get_ssl_digest().as_deref(), ctx).is_err() {
                    ctx.exclude_target();
                    let again = next_upstream::wanted_for(ctx, Reason::ConnectFailed)
                        && next_upstream::allowed(ctx)
                        && ctx.tries < MAX_TRIES;
                    if again {
                        continue;
                    }
                    return Err(Reason::UpstreamUntrusted);
                }
                ctx.connected();
                return Ok((stream, peer.options.read_timeout.unwrap_or(Duration::from_secs(60))));
            }
            Err(error) => {
                let again = error::connecting(session, ctx, error).retry();
                if !again || ctx.tries >= MAX_TRIES || error_pages::asks_for_page(ctx) {
                    return Err(ctx.reason.unwrap_or(Reason::ConnectFailed));
                }
            }
        }
    }
}

fn request_head(gateway: &Gateway, client: &RequestHeader, ctx: &Context) -> Result<Bytes> {
    let mut request = upstream_request::end_to_end(client);
    upstream_request::filter(&gateway.ports, client, &mut request, ctx)?;
    request.insert_header(UPGRADE, "websocket")?;
    request.insert_header(CONNECTION, "upgrade")?;
    let wire = http_req_header_to_wire(&request);
    wire.map(Into::into).ok_or_else(|| Error::new(ErrorType::InvalidHTTPHeader))
}

async fn read_head(upstream: &mut Stream) -> io::Result<Head> {
    let mut raw = Vec::with_capacity(1024);
    while raw.len() < MAX_ANSWER_HEAD {
        let mut lines = [httparse::EMPTY_HEADER; MAX_ANSWER_LINES];
        let mut response = httparse::Response::new(&mut lines);
        match response.parse(&raw) {
            // Interim answers other than 101 are of no interest here.
            Ok(httparse::Status::Complete(length)) => match response.code {
                Some(status @ (101 | 200..)) => return Ok(Head { length, status, raw }),
                Some(_) => drop(raw.drain(..length)),
                None => return Err(io::ErrorKind::InvalidData.into()),
            },
            Ok(httparse::Status::Partial) => {
                if upstream.read_buf(&mut raw).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Err(_) => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

async fn answer(session: &mut Session, ctx: &mut Context, upstream: Stream, head: Head) -> Result<bool> {
    if head.status != 101 {
        return refused(session, ctx, upstream, head).await;
    }
    let Some(mut response) = switching(&head) else {
        return broken(session, ctx, Reason::UpstreamBroken).await;
    };
    if let Some(route) = &ctx.route {
        filters::affinity::tell(route, session.req_header(), &mut response, ctx)?;
    }
    session.as_downstream_mut().write_response_header(Box::new(response)).await?;
    // From here on only the silence of both sides counts.
    session.set_read_timeout(None);
    session.set_write_timeout(None);
    let patience = Timeouts::of(ctx).read;
    let early = Bytes::copy_from_slice(&head.raw[head.length..]);
    let (reader, writer) = tokio::io::split(upstream);
    let mut relay = Relay { reader, writer, to_upstream: Bytes::new(), received: 0 };
    // However a tunnel ends, it was a success: the log says how long it was and how much went through.
    let _ = relay.run(session, early, patience).await;
    ctx.body_received += relay.received;
    Ok(false)
}

/// The 101 for the client; `None` when the upstream switches to something else than was asked for.
fn switching(head: &Head) -> Option<ResponseHeader> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_ANSWER_LINES];
    let mut parsed = httparse::Response::new(&mut lines);
    parsed.parse(&head.raw).ok()?;
    let mut response = ResponseHeader::build(101, Some(parsed.headers.len())).ok()?;
    for line in parsed.headers.iter() {
        let value = http::HeaderValue::from_bytes(line.value).ok()?;
        if !line.name.eq_ignore_ascii_case("server") {
            response.append_header(line.name.to_owned(), value).ok()?;
        }
    }
    let websocket = response.headers.get(UPGRADE)?.as_bytes().eq_ignore_ascii_case(b"websocket");
    (websocket && !response.headers.contains_key(TRANSFER_ENCODING)).then_some(response)
}

/// The upstream does not switch: its answer is an ordinary one.
async fn refused(session: &mut Session, ctx: &mut Context, upstream: Stream, head: Head) -> Result<bool> {
    let patience = Some(Timeouts::of(ctx).read);
    let peer = ClientStream::replay(upstream, head.raw);
    let mut upstream = HttpSession::new(Box::new(peer));
    upstream.read_timeout = patience;
    if upstream.read_response().await.is_err() {
        return broken(session, ctx, Reason::UpstreamBroken).await;
    }
    let Some(header) = upstream.resp_header() else {
        return broken(session, ctx, Reason::UpstreamBroken).await;
    };
    if error_pages::begin_for_upstream(session, ctx, header.status, &header.headers) {
        return Ok(true);
    }
    let mut response = header.clone();
    super::response::filter(session, &mut response, ctx)?;
    response.remove_header(&CONNECTION);
    session.as_downstream_mut().write_response_header(Box::new(response)).await?;
    loop {
        match upstream.read_body_bytes().await {
            Ok(Some(chunk)) => {
                let mut piece = Some(chunk);
                super::response::body(&mut piece, false, ctx)?;
                if let Some(piece) = piece {
                    session.as_downstream_mut().write_response_body(piece, false).await?;
                }
            }
            Ok(None) => {
                let mut rest = None;
                super::response::body(&mut rest, true, ctx)?;
                if let Some(rest) = rest {
                    session.as_downstream_mut().write_response_body(rest, false).await?;
                }
                session.as_downstream_mut().finish_body().await?;
                return Ok(false);
            }
            Err(error) => {
                ctx.reason = Some(Reason::UpstreamBroken);
                return Err(error);
            }
        }
    }
}

/// Bytes both ways. While the client is slow to read, what it sent before still goes to the upstream; it is read again
/// when it has taken what is on its way to it.
struct Relay {
    reader: ReadHalf<Stream>,
    writer: WriteHalf<Stream>,
    /// Received from the client, not yet taken by the upstream.
    to_upstream: Bytes,
    received: u64,
}

impl Relay {
    async fn run(&mut self, session: &mut Session, early: Bytes, patience: Duration) -> Result<()> {
        if !early.is_empty() {
            self.deliver(session, early, patience).await?;
        }
        let mut space = vec![0; CHUNK];
        loop {
            let idle = tokio::time::sleep(patience);
            tokio::select! {
                read = self.reader.read(&mut space) => match read {
                    Ok(0) | Err(_) => return Ok(()),
                    Ok(count) => self.deliver(session, Bytes::copy_from_slice(&space[..count]), patience).await?,
                },
                written = self.writer.write(&self.to_upstream), if !self.to_upstream.is_empty() => {
                    drop(self.to_upstream.split_to(written.map_err(|_| Error::new_up(ErrorType::WriteError))?));
                    if self.to_upstream.is_empty() && self.writer.flush().await.is_err() {
                        return Ok(());
                    }
                }
                body = session.as_downstream_mut().read_request_body(), if self.to_upstream.is_empty() => match body? {
                    Some(chunk) => {
                        self.received += chunk.len() as u64;
                        self.to_upstream = chunk;
                    }
                    None => return Ok(()),
                },
                () = idle => return Ok(()),
            }
        }
    }

    /// Writes to the client and meanwhile to the upstream. The write to the client is never abandoned half way.
    async fn deliver(&mut self, session: &mut Session, chunk: Bytes, patience: Duration) -> Result<()> {
        let write = timeout(patience, session.as_downstream_mut().write_response_body(chunk, false));
        tokio::pin!(write);
        loop {
            tokio::select! {
                written = &mut write => return written.unwrap_or_else(|_| Err(Error::new_down(ErrorType::WriteTimedout))),
                written = self.writer.write(&self.to_upstream), if !self.to_upstream.is_empty() => {
                    drop(self.to_upstream.split_to(written.map_err(|_| Error::new_up(ErrorType::WriteError))?));
                }
            }
        }
    }
}
