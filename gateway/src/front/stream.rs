//! One client connection as the engine sees it: a byte stream that hands out exactly one request at a time.
//!
//! ```text
//!   socket or TLS ──▶ read buffer ──▶ [ head · body ]  to the engine, and not one byte more
//!                                     [ next request ] stays here until its turn
//!   socket or TLS ◀── write buffer ◀── head and small body leave in one packet
//! ```
//!
//! An idle connection holds no buffer at all.

use super::chunked::Chunked;
use super::head::{Framing, Head};
use super::outgoing::Outgoing;
use super::streams::{self, Streams};
use crate::filters::rate_limit::bandwidth::Pace;
use pingora::protocols::l4::socket::SocketAddr as PingoraAddr;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::{ALPN, SslDigest, TlsRef};
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID,
};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::Instant;

/// How much is read from a socket at once, in bytes.
const READ_SIZE: usize = 8 * 1024;
/// How long a closed connection is drained, so that the client can read the answer before it sees a reset.
const LINGER: Duration = Duration::from_secs(2);

/// What the bytes that come next belong to.
#[derive(Debug)]
enum Reading {
    /// To no request yet; only [`ClientStream::fill`] reads.
    Between,
    /// To the head, this many bytes of it.
    Head { remaining: usize, framing: Framing },
    /// To a body of known length.
    Length(u64),
    /// To a chunked body.
    Chunked(Chunked),
    /// To the next request.
    Behind,
    /// To whatever the connection was upgraded to.
    Tunnel,
}

/// Why the body could not be read to its end, when it was the client's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// The chunks are malformed.
    Malformed,
    /// It took longer than allowed in total.
    TooSlow,
}

/// A client connection between the socket and the engine.
#[derive(Debug)]
pub struct ClientStream {
    inner: Stream,
    socket: Arc<SocketDigest>,
    client: SocketAddr,
    unread: Vec<u8>,
    taken: usize,
    reading: Reading,
    upgrade: bool,
    body_deadline: Option<Instant>,
    fault: Option<BodyFault>,
    outgoing: Outgoing,
    /// Of the answer to the current request.
    pace: Mutex<Option<Pace>>,
    streams: Option<Arc<ProxyDigest>>,
}

impl ClientStream {
    /// Wraps a connection from `client`; `inner` is the socket or the TLS stream over it. `server` is the address it was
    /// made to, if a PROXY header said so.
    pub fn new(inner: Stream, client: SocketAddr, server: Option<SocketAddr>) -> Self {
        let socket = SocketDigest::from_raw_fd(inner.id());
        // Fresh cells take any value; a second one would only be ignored.
        let _ = socket.peer_addr.set(Some(PingoraAddr::Inet(client)));
        if let Some(server) = server {
            let _ = socket.local_addr.set(Some(PingoraAddr::Inet(server)));
        }
        Self {
            inner,
            socket: Arc::new(socket),
            client,
            unread: Vec::new(),
            taken: 0,
            reading: Reading::Between,
            upgrade: false,
            body_deadline: None,
            fault: None,
            outgoing: Outgoing::default(),
            pace: Mutex::default(),
            streams: None,
        }
    }

    /// A stream that first repeats `read`, which was received from `inner` already.
    pub fn replay(inner: Stream, read: Vec<u8>) -> Self {
        let nobody = SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), 0);
        let mut stream = Self::new(inner, nobody, None);
        stream.unread = read;
        stream.pass_through();
        stream
    }

    /// From now on every byte goes to the engine: for protocols that frame themselves.
    pub fn pass_through(&mut self) {
        self.reading = Reading::Tunnel;
    }

    /// Prepares for HTTP/2: its frames pass, its streams are counted.
    pub fn multiplex(&mut self) {
        self.pass_through();
        self.streams = streams::digest();
    }

    /// The address at the other end of the connection.
    pub fn client(&self) -> SocketAddr {
        self.client
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.inner.get_ssl().is_some()
    }

    /// From now on and to the end of the answer it is sent no faster than that. The engine lends the stream out for
    /// looking only, hence the lock, which nobody else ever holds.
    pub fn set_pace(&self, pace: Pace) {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner) = Some(pace);
    }

    fn pace(&mut self) -> &mut Option<Pace> {
        self.pace.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was wrong with the body of the current request.
    pub fn fault(&self) -> Option<BodyFault> {
        self.fault
    }

    /// What was received and belongs to no request yet.
    pub fn buffered(&self) -> &[u8] {
        &self.unread[self.taken..]
    }

    /// Drops received bytes that belong to no request.
    pub fn skip(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.unread.len());
    }

    /// Receives more bytes; 0 is the end of the stream.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn fill(&mut self) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_fill(cx)).await
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // On the stack and only while polled: waiting costs no memory.
        let mut space = [std::mem::MaybeUninit::uninit(); READ_SIZE];
        let mut buffer = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buffer))?;
        if self.taken > 0 {
            self.unread.drain(..self.taken);
            self.taken = 0;
        }
        self.unread.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Hands the engine one request: its head, which is received completely, and its body.
    /// `body_time` bounds the body as a whole.
    pub fn begin(&mut self, head: &Head, body_time: Option<Duration>) {
        let length = head.length - self.cut_authority(head.absolute);
        self.reading = Reading::Head { remaining: length, framing: head.framing };
        self.upgrade = head.upgrade;
        self.fault = None;
        let has_body = head.framing != Framing::Length(0);
        self.body_deadline = body_time.filter(|_| has_body).map(|time| Instant::now() + time);
    }

    /// Cuts scheme and authority out of the target: they agree with Host, and upstreams expect a path (RFC 9112 section
    /// 3.2.2). Answers by how much the head became shorter.
    fn cut_authority(&mut self, (start, end): (usize, usize)) -> usize {
        if start == end {
            return 0;
        }
        let path = self.buffered().get(end) == Some(&b'/');
        let slash: &[u8] = if path { b"" } else { b"/" };
        self.unread.splice(self.taken + start..self.taken + end, slash.iter().copied());
        end - start - slash.len()
    }

    /// Takes the connection back after a request. `None` when the request's body was not read to its end.
    pub fn end(mut self: Box<Self>) -> Option<Box<Self>> {
        if !matches!(self.reading, Reading::Behind) {
            return None;
        }
        self.reading = Reading::Between;
        if self.buffered().is_empty() {
            self.unread = Vec::new();
            self.taken = 0;
        }
        self.outgoing.rest();
        *self.pace() = None;
        Some(self)
    }

    /// Writes `answer` and closes, giving the client time to read it.
    pub async fn refuse(&mut self, answer: &[u8]) {
        if self.write_all(answer).await.is_ok() && self.flush().await.is_ok() {
            self.linger().await;
        }
    }

    /// Closes our side, then reads and drops what still comes for a moment: closing a socket with unread bytes resets
    /// the connection, and a reset can overtake the answer (RFC 9112 section 9.6).
    async fn linger(&mut self) {
        let drain = async {
            // Only the read side matters from here on.
            let _ = self.inner.shutdown().await;
            let mut space = [0; 2048];
            while matches!(self.inner.read(&mut space).await, Ok(1..)) {}
        };
        // Whoever has not read it by now will not.
        let _ = tokio::time::timeout(LINGER, drain).await;
    }

    /// How many of `available` bytes may go to the engine now, and what comes after them.
    fn allowed(&self, available: usize) -> usize {
        match self.reading {
            Reading::Head { remaining, .. } => remaining.min(available),
            Reading::Length(remaining) => usize::try_from(remaining).unwrap_or(usize::MAX).min(available),
            Reading::Chunked(_) | Reading::Tunnel => available,
            Reading::Between | Reading::Behind => 0,
        }
    }

    /// Notes that the engine got `bytes`; answers how many of them really belonged to the request.
    fn passed(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.reading {
            Reading::Head { remaining, framing } => {
                *remaining -= bytes.len();
                if *remaining == 0 {
                    self.reading = match *framing {
                        Framing::Length(0) => Reading::Behind,
                        Framing::Length(length) => Reading::Length(length),
                        Framing::Chunked => Reading::Chunked(Chunked::default()),
                    };
                }
            }
            Reading::Length(remaining) => {
                *remaining -= bytes.len() as u64;
                if *remaining == 0 {
                    self.reading = Reading::Behind;
                }
            }
            Reading::Chunked(chunked) => {
                let Ok(count) = chunked.advance(bytes) else {
                    self.fault = Some(BodyFault::Malformed);
                    return Err(io::ErrorKind::InvalidData.into());
                };
                if chunked.is_done() {
                    self.reading = Reading::Behind;
                }
                return Ok(count);
            }
            Reading::Tunnel | Reading::Between | Reading::Behind => {}
        }
        Ok(bytes.len())
    }

    /// Behind the request the engine only asks whether the client is still there. What the client sends meanwhile is
    /// its next request and stays here.
    fn poll_behind(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.buffered().is_empty() {
            // A client that pipelines is there. The engine has other reasons to wake up.
            return Poll::Pending;
        }
        match ready!(self.poll_fill(cx))? {
            0 => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    }

    fn poll_unread(&mut self, buf: &mut ReadBuf<'_>) -> io::Result<()> {
        let count = self.allowed(self.unread.len() - self.taken).min(buf.remaining());
        let chunk = std::mem::take(&mut self.unread);
        let result = self.passed(&chunk[self.taken..self.taken + count]);
        self.unread = chunk;
        let count = result?;
        buf.put_slice(&self.unread[self.taken..self.taken + count]);
        self.taken += count;
        Ok(())
    }

    fn poll_request(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.streams.as_ref().and_then(|digest| streams::of(digest)).is_some_and(Streams::is_abuse) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if matches!(self.reading, Reading::Behind | Reading::Between) {
            return self.poll_behind(cx);
        }
        if self.taken == self.unread.len() {
            if self.body_deadline.is_some_and(|deadline| Instant::now() > deadline) {
                self.fault = Some(BodyFault::TooSlow);
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            if matches!(self.reading, Reading::Length(remaining) if remaining >= buf.remaining() as u64)
                || matches!(self.reading, Reading::Tunnel)
            {
                return self.poll_straight(cx, buf);
            }
            if ready!(self.poll_fill(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Ready(self.poll_unread(buf))
    }

    /// Large bodies and tunnels go from the socket to the engine without a copy.
    fn poll_straight(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        Poll::Ready(self.passed(&buf.filled()[before..]).map(drop))
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        // OpenSSL forgets the session of a connection that ends without close_notify, and the client could not resume
        // it. It is sent if the socket takes it at once; nobody waits for it.
        if self.is_tls() {
            let _ = Pin::new(&mut self.inner).poll_shutdown(&mut Context::from_waker(Waker::noop()));
        }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = self.poll_request(cx, buf);
        if result.is_pending() && !self.outgoing.is_empty() {
            // Nobody knows when the engine writes again: what is gathered must not wait for it.
            let Self { outgoing, inner, .. } = &mut *self;
            if let Poll::Ready(Err(error)) = outgoing.poll_flush(inner, cx) {
                return Poll::Ready(Err(error));
            }
        }
        result
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.upgrade && buf.starts_with(b"HTTP/1.1 101 ") {
            self.reading = Reading::Tunnel;
        }
        let Self { outgoing, inner, pace, .. } = &mut *self;
        match pace.get_mut().unwrap_or_else(PoisonError::into_inner) {
            Some(pace) => outgoing.poll_write_slowly(inner, cx, buf, pace),
            None => outgoing.poll_write(inner, cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { outgoing, inner, .. } = &mut *self;
        outgoing.poll_flush(inner, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { outgoing, inner, .. } = &mut *self;
        outgoing.poll_shutdown(inner, cx)
    }
}

#[async_trait::async_trait]
impl Shutdown for ClientStream {
    async fn shutdown(&mut self) {
        if self.flush().await.is_err() {
            return;
        }
        if matches!(self.reading, Reading::Tunnel)
            || (matches!(self.reading, Reading::Behind) && self.buffered().is_empty())
        {
            // Over TLS it sends a last record, and the client may take none.
            let _ = tokio::time::timeout(LINGER, Shutdown::shutdown(&mut *self.inner)).await;
        } else {
            self.linger().await;
        }
    }
}

impl UniqueID for ClientStream {
    fn id(&self) -> i32 {
        self.inner.id()
    }
}

impl Ssl for ClientStream {
    fn get_ssl(&self) -> Option<&TlsRef> {
        self.inner.get_ssl()
    }

    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.inner.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.inner.selected_alpn_proto()
    }
}

impl GetTimingDigest for ClientStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for ClientStream {
    /// The engine hands this to every request of the connection: our way to give each HTTP/2 stream its connection.
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.streams.as_ref().map(Arc::clone)
    }
}

impl GetSocketDigest for ClientStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::clone(&self.socket))
    }
}

impl Peek for ClientStream {}
