//! One request, one answer. What the answer is stands in [`Wishes`]; what it says by default in [`Report`].

use super::login;
use super::report::{Report, SHOWN_BODY_BYTES};
use super::websocket;
use super::wishes::Wishes;
use futures_util::stream::{self, Stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Body as _, Bytes, Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, TRAILER};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request, Response};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// A piece of a long body.
const PIECE: &[u8] = &[b'x'; 64 * 1024];

/// Answers one request.
///
/// # Errors
/// On purpose, when `reset=1` asks for a broken connection, and when the client breaks off.
pub(super) async fn answer(
    request: Request<Incoming>,
    name: Arc<str>,
    remote: SocketAddr,
) -> io::Result<Response<Body>> {
    if let Some(response) = login::answer(&request) {
        return Ok(response.map(boxed));
    }
    let wishes = match Wishes::parse(request.uri().query().unwrap_or("")) {
        Ok(wishes) => wishes,
        Err(sentence) => return Ok(Wishes::refusal(sentence).map(boxed)),
    };
    // Even a sleep of nothing lasts a tick of the timer.
    if !wishes.delay.is_zero() {
        sleep(wishes.delay).await;
    }
    if wishes.reset {
        return Err(io::Error::other("a reset was asked for"));
    }
    if websocket::is_upgrade(request.version(), request.headers()) {
        return Ok(websocket::accept(request));
    }
    let (parts, body) = request.into_parts();
    let mut response = Response::new(body_of(&parts, body, &wishes, &name, remote).await?);
    *response.status_mut() = wishes.status;
    if wishes.size.is_none() && wishes.chunks == 0 && !wishes.mirror {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if wishes.close {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    // HTTP/1.1 sends only those trailers that the head announces.
    for trailer in wishes.trailers.keys() {
        response.headers_mut().append(TRAILER, HeaderValue::from(trailer.clone()));
    }
    for (name, value) in &wishes.headers {
        response.headers_mut().append(name.clone(), value.clone());
    }
    Ok(response)
}

async fn body_of(
    parts: &Parts,
    body: Incoming,
    wishes: &Wishes,
    name: &str,
    remote: SocketAddr,
) -> io::Result<Body> {
    if wishes.mirror {
        return Ok(body.boxed_unsync());
    }
    let pace = if parts.uri.path() == "/slow-read" { Duration::from_millis(20) } else { Duration::ZERO };
    let (kept, body_bytes) = read(body, pace).await?;
    let first = match wishes.size {
        Some(size) if wishes.chunks == 0 && wishes.trailers.is_empty() => return Ok(sized(size)),
        Some(size) => vec![b'x'; usize::try_from(size.min(PIECE.len() as u64)).unwrap_or(0)],
        None => Report::new(name, parts, kept, body_bytes, remote).into_json(),
    };
    if wishes.chunks == 0 && wishes.trailers.is_empty() {
        return Ok(boxed(Full::from(first)));
    }
    Ok(StreamBody::new(pieces(first.into(), wishes)).boxed_unsync())
}

fn boxed(body: Full<Bytes>) -> Body {
    body.map_err(|never| match never {}).boxed_unsync()
}

/// Reads a body to its end, with a pause after every 64 KiB, and keeps its beginning.
async fn read(mut body: Incoming, pace: Duration) -> io::Result<(Vec<u8>, u64)> {
    let (mut kept, mut count, mut since_pause) = (Vec::new(), 0, 0);
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else { break };
        let Ok(data) = frame.map_err(io::Error::other)?.into_data() else { continue };
        count += data.len() as u64;
        since_pause += data.len();
        kept.extend_from_slice(&data[..data.len().min(SHOWN_BODY_BYTES - kept.len())]);
        if since_pause >= PIECE.len() && !pace.is_zero() {
            since_pause = 0;
            sleep(pace).await;
        }
    }
    Ok((kept, count))
}

/// `size` bytes with a Content-Length, without holding them.
fn sized(size: u64) -> Body {
    struct Sized(u64);
    impl hyper::body::Body for Sized {
        type Data = Bytes;
        type Error = hyper::Error;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
            let length = self.0.min(PIECE.len() as u64);
            self.0 -= length;
            let piece = Bytes::from_static(&PIECE[..usize::try_from(length).unwrap_or(0)]);
            std::task::Poll::Ready((length > 0).then(|| Ok(Frame::data(piece))))
        }
        fn is_end_stream(&self) -> bool {
            self.0 == 0
        }
        fn size_hint(&self) -> hyper::body::SizeHint {
            hyper::body::SizeHint::with_exact(self.0)
        }
    }
    Sized(size).boxed_unsync()
}

/// The same piece again and again with pauses, then the trailers.
fn pieces(piece: Bytes, wishes: &Wishes) -> impl Stream<Item = Result<Frame<Bytes>, hyper::Error>> + use<> {
    let (count, delay, trailers) = (wishes.chunks.max(1), wishes.chunk_delay, wishes.trailers.clone());
    stream::unfold(0, move |at| {
        let (piece, trailers): (_, HeaderMap) = (piece.clone(), trailers.clone());
        async move {
            if at < count {
                if at > 0 && !delay.is_zero() {
                    sleep(delay).await;
                }
                return Some((Ok(Frame::data(piece)), at + 1));
            }
            (at == count && !trailers.is_empty()).then(|| (Ok(Frame::trailers(trailers)), at + 1))
        }
    })
}
