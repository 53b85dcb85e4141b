//! What goes to a client: gathered, so that head and small body leave in one packet, and never waited for without end.

use crate::filters::rate_limit::bandwidth::Pace;
use pingora::protocols::Stream;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::AsyncWrite;
use tokio::time::{Sleep, sleep};

/// How much of an answer is gathered before it is written, in bytes.
const GATHERED: usize = 16 * 1024;
/// How much of an answer with a limited rate is written at once, in bytes.
const PIECE: usize = 4 * 1024;
/// How long a client may take nothing of what is sent to it. ingress-nginx leaves nginx' `send_timeout` at 60 s.
const PATIENCE: Duration = Duration::from_secs(60);

/// The sending side of a connection.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    /// Runs while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Runs while nothing may be sent, for `limit-rate`.
    resting: Option<Pin<Box<Sleep>>>,
}

impl Outgoing {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Gives the memory back between two requests.
    pub(super) fn rest(&mut self) {
        self.resting = None;
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
    }

    /// Takes `bytes`: small ones are kept, large ones go straight through.
    pub(super) fn poll_write(
        &mut self,
        inner: &mut Stream,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.bytes.len() + bytes.len() > GATHERED {
            ready!(self.poll_send(inner, cx))?;
        }
        if bytes.len() >= GATHERED {
            let written = Pin::new(inner).poll_write(cx, bytes);
            return self.bounded(cx, written);
        }
        self.bytes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    /// The same for an answer that is limited in its rate: small pieces, each at once, and a rest behind each.
    pub(super) fn poll_write_slowly(
        &mut self,
        inner: &mut Stream,
        cx: &mut Context<'_>,
        bytes: &[u8],
        pace: &mut Pace,
    ) -> Poll<io::Result<usize>> {
        if let Some(resting) = &mut self.resting {
            ready!(resting.as_mut().poll(cx));
            self.resting = None;
        }
        ready!(self.poll_send(inner, cx))?;
        let piece = &bytes[..bytes.len().min(PIECE)];
        self.bytes.extend_from_slice(piece);
        self.resting = pace.delay(piece.len(), Instant::now()).map(|rest| Box::pin(sleep(rest)));
        // What does not leave now, the next call or the flush at the end sends.
        match self.poll_flush(inner, cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(piece.len())),
        }
    }

    /// Sends what is gathered, down to the socket.
    pub(super) fn poll_flush(&mut self, inner: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(inner, cx))?;
        let flushed = Pin::new(inner).poll_flush(cx);
        self.bounded(cx, flushed)
    }

    /// Sends what is gathered and ends our side.
    pub(super) fn poll_shutdown(&mut self, inner: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(inner, cx))?;
        let shut = Pin::new(inner).poll_shutdown(cx);
        self.bounded(cx, shut)
    }

    fn poll_send(&mut self, inner: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.bytes.len() {
            let written = Pin::new(&mut *inner).poll_write(cx, &self.bytes[self.sent..]);
            match ready!(self.bounded(cx, written))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.sent += count,
            }
        }
        self.bytes.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    /// Turns waiting that lasts too long into an error. The engine bounds only some of its writes, and TCP none while
    /// the client acknowledges that its window is closed.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.stalled = None;
            return progress;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}
