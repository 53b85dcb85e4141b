//! HTTP/1: waits for a request, checks its head, lets the engine answer it, and starts over.

use super::head::{Head, Progress, Scan};
use super::stream::ClientStream;
use super::{Front, H2_PREFACE};
use crate::drain::InFlight;
use crate::reason::Reason;
use ingora_config::Settings;
use pingora::apps::HttpServerApp;
use pingora::protocols::http::ServerSession;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

/// What came instead of, or as, a request.
enum Arrival {
    /// A head that may be served.
    Request(Head),
    /// HTTP/2 with prior knowledge (RFC 9113 section 3.3).
    Http2,
    /// A request that may not.
    Refused(Reason),
    /// Nobody is there any more.
    Gone,
}

/// Serves one connection.
pub(super) async fn serve(front: &Front, mut stream: Box<ClientStream>) {
    let shutdown = front.drain.shutdown_watch();
    let mut served: u32 = 0;
    let mut idle = Idle::until(Instant::now() + front.current_header_time());
    // While it is idle a connection holds nothing and does not hold up a process that leaves.
    loop {
        if !idle.first_byte(&mut stream).await {
            return;
        }
        let in_flight = InFlight::new(&*front.busy);
        let table = front.live.table();
        let settings = table.settings();
        let head = match arrive(front, &mut stream, settings, served == 0).await {
            Arrival::Request(head) => head,
            Arrival::Http2 => {
                drop(in_flight);
                return Box::pin(super::http2::serve(front, stream)).await;
            }
            Arrival::Refused(reason) => return front.refuse(stream, reason).await,
            Arrival::Gone => return,
        };
        served = served.saturating_add(1);
        let patience = Duration::from_secs(settings.client.keep_alive.into());
        stream.begin(&head, seconds(settings.client.client_body_total_timeout));
        let mut session = ServerSession::new_http1(stream);
        let last = settings.client.keep_alive == 0 || served >= settings.client.keep_alive_requests;
        session.set_keepalive_reuses_remaining(Some(u32::from(!last)));
        drop(table);
        let Some(reused) = front.proxy.process_new_http(session, &shutdown).await else {
            return;
        };
        let Ok(io) = reused.consume().0.into_any().downcast::<ClientStream>() else {
            return;
        };
        match io.end() {
            Some(io) => stream = io,
            None => return,
        }
        idle.put_off(Instant::now() + patience);
        drop(in_flight);
    }
}

/// When a connection has been idle for too long. Its timer is not set anew for each request: it may go off early, and is
/// only then set to the time that holds by now.
struct Idle {
    timer: Pin<Box<Sleep>>,
    end: Instant,
}

impl Idle {
    fn until(end: Instant) -> Self {
        Self { timer: Box::pin(sleep_until(end)), end }
    }

    fn put_off(&mut self, end: Instant) {
        self.end = end;
        if end < self.timer.deadline() {
            self.timer.as_mut().reset(end);
        }
    }

    /// Waits for a first byte; `false` when there is none in time, or never will be.
    async fn first_byte(&mut self, stream: &mut ClientStream) -> bool {
        if !stream.buffered().is_empty() {
            return true;
        }
        let mut filled = pin!(stream.fill());
        std::future::poll_fn(|cx| {
            if let Poll::Ready(filled) = filled.as_mut().poll(cx) {
                return Poll::Ready(matches!(filled, Ok(1..)));
            }
            while self.timer.as_mut().poll(cx).is_ready() {
                if Instant::now() >= self.end {
                    return Poll::Ready(false);
                }
                self.timer.as_mut().reset(self.end);
            }
            Poll::Pending
        })
        .await
    }
}

fn seconds(value: u32) -> Option<Duration> {
    (value > 0).then(|| Duration::from_secs(value.into()))
}

/// Takes at most `client-header-timeout` for the whole head.
async fn arrive(front: &Front, stream: &mut ClientStream, settings: &Settings, first: bool) -> Arrival {
    let deadline = Instant::now() + front.header_time(settings);
    let new_scan = || Scan::within(settings.client.max_request_line(), settings.client.max_head());
    let mut scan = new_scan();
    loop {
        if skip_empty_line(stream) {
            scan = new_scan();
        }
        if first && stream.buffered().starts_with(&H2_PREFACE[..4]) {
            return match timeout_at(deadline, front.read_preface(stream)).await {
                Ok(true) => Arrival::Http2,
                _ => Arrival::Refused(Reason::BadRequest),
            };
        }
        match scan.advance(stream.buffered()) {
            Ok(Progress::Complete(head)) => return Arrival::Request(head),
            Err(reason) => return Arrival::Refused(reason),
            Ok(Progress::Partial) => {}
        }
        match timeout_at(deadline, stream.fill()).await {
            Ok(Ok(1..)) => {}
            Ok(_) => return Arrival::Gone,
            Err(_) => return Arrival::Refused(Reason::HeaderTimeout),
        }
    }
}

/// Some clients send an extra CRLF behind a body; it is to be ignored (RFC 9112 section 2.2).
fn skip_empty_line(stream: &mut ClientStream) -> bool {
    let empty = stream.buffered().starts_with(b"\r\n");
    if empty {
        stream.skip(2);
    }
    empty
}
