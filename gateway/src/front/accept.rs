//! Listening sockets and the accept loop of one core.

use super::Front;
use super::passthrough;
use super::proxy_protocol::{self, Addresses};
use super::stream::ClientStream;
use super::tls::{Accepted, Tls};
use crate::drain::{Connection, InFlight};
use crate::page;
use crate::reason::Reason;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::{GetSocketDigest, SocketDigest};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

/// How many finished handshakes may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 65_535;
/// How long accepting rests when the process is out of file descriptors or memory.
const REST: Duration = Duration::from_millis(50);

/// An address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; {hint}")]
pub struct BindError {
    address: SocketAddr,
    hint: &'static str,
    source: io::Error,
}

impl BindError {
    /// Says what to change.
    pub fn new(address: SocketAddr, source: io::Error) -> Self {
        let hint = match source.kind() {
            io::ErrorKind::AddrInUse => "another process has this port, choose another one",
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 need a capability, listen on 8080/8443 instead"
            }
            io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
            _ => "check the address",
        };
        Self { address, hint, source }
    }
}

/// `count` sockets bound to one address, not yet listening. Port 0 becomes one free port for all of them.
///
/// The first bind is exclusive, so that a port that somebody else has is noticed: SO_REUSEPORT alone would share it.
///
/// # Errors
/// When the address cannot be bound.
pub fn bind(address: SocketAddr, count: usize, share: bool) -> Result<(SocketAddr, Vec<Socket>), BindError> {
    let error = |source| BindError::new(address, source);
    let mut resolved = address;
    if !share || address.port() == 0 {
        let probe = socket(address).map_err(error)?;
        probe.bind(&address.into()).map_err(error)?;
        resolved = probe.local_addr().map_err(error)?.as_socket().unwrap_or(address);
    }
    let sockets = (0..count.max(1)).map(|_| {
        let socket = socket(resolved)?;
        socket.set_reuse_port(true)?;
        socket.bind(&resolved.into())?;
        Ok(socket)
    });
    let sockets = sockets.collect::<io::Result<_>>().map_err(error)?;
    Ok((resolved, sockets))
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Accepted connections inherit it: a peer that is silently gone is noticed.
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(Duration::from_secs(60)))?;
    if address.is_ipv6() {
        // `[::]` serves both families, as ingress-nginx does.
        socket.set_only_v6(false)?;
    }
    Ok(socket)
}

/// Starts to take connections.
///
/// # Errors
/// When the kernel refuses, or outside of a tokio runtime.
pub fn listen(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    TcpListener::from_std(StdListener::from(socket))
}

/// Accepts until closing starts; each connection is a task of this runtime.
pub async fn accept(front: Arc<Front>, listener: TcpListener, tls: Option<Tls>) {
    let closing = front.drain.closing();
    tokio::pin!(closing);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut closing => break,
        };
        match accepted {
            Ok((socket, client)) => take(&front, socket, canonical(client), tls.clone()),
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections; trying again");
                tokio::time::sleep(REST).await;
            }
        }
    }
    take_the_rest(&front, listener, tls);
}

/// Closing the socket would reset the connections that the kernel has taken for us already.
fn take_the_rest(front: &Arc<Front>, listener: TcpListener, tls: Option<Tls>) {
    let Ok(listener) = listener.into_std() else { return };
    while let Ok((socket, client)) = listener.accept() {
        let socket = socket.set_nonblocking(true).and_then(|()| TcpStream::from_std(socket));
        if let Ok(socket) = socket {
            take(front, socket, canonical(client), tls.clone());
        }
    }
}

/// An IPv4 client of an IPv6 socket is an IPv4 client.
fn canonical(client: SocketAddr) -> SocketAddr {
    SocketAddr::new(client.ip().to_canonical(), client.port())
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

fn take(front: &Arc<Front>, socket: TcpStream, client: SocketAddr, tls: Option<Tls>) {
    let front = Arc::clone(front);
    let Some(connection) = front.drain.enter() else {
        let table = front.live.table();
        front.telemetry.refused(client, tls.is_some(), Reason::Overloaded, &table.compiled().log);
        if tls.is_none() {
            tokio::spawn(turn_away(socket));
        }
        return;
    };
    // Only delays small answers.
    let _ = socket.set_nodelay(true);
    tokio::spawn(welcome(front, connection, socket, client, tls));
}

/// One connection, from its first byte to its last. The size of this is what an idle one costs, with a [`ClientStream`].
async fn welcome(
    front: Arc<Front>,
    _connection: Connection,
    socket: TcpStream,
    client: SocketAddr,
    tls: Option<Tls>,
) {
    if let Some(stream) = handshake(&front, socket, client, tls).await {
        front.serve(stream).await;
    }
}

async fn handshake(
    front: &Front,
    socket: TcpStream,
    client: SocketAddr,
    tls: Option<Tls>,
) -> Option<Box<ClientStream>> {
    let digest = SocketDigest::from_raw_fd(socket.as_raw_fd());
    let mut stream = Box::new(L4Stream::from(socket));
    stream.set_socket_digest(digest);
    let (client, server) = introduce(front, &mut stream, client).await?;
    let Some(tls) = tls else {
        return Some(Box::new(ClientStream::new(stream, client, server)));
    };
    let _in_flight = InFlight::new(&*front.busy);
    match tokio::time::timeout(front.current_header_time(), Box::pin(tls.accept(*stream))).await {
        Ok(Ok(Accepted::Tls(stream))) => {
            return Some(Box::new(ClientStream::new(Box::new(stream), client, server)));
        }
        Ok(Ok(Accepted::Unopened(connection))) => {
            // In a box: what it needs would be part of every connection's task.
            Box::pin(passthrough::serve(front, *connection, client)).await;
            return None;
        }
        Ok(Err(error)) => tracing::debug!(client = %client.ip(), %error, "TLS handshake failed"),
        Err(_) => tracing::debug!(client = %client.ip(), "TLS handshake took too long"),
    }
    front.telemetry.handshake_failed();
    None
}

/// Who the connection is from: the peer, or with `use-proxy-protocol` who the peer says. Also the address that it was made
/// to, if the peer may say that. `None` when it must be dropped.
async fn introduce(
    front: &Front,
    stream: &mut L4Stream,
    peer: SocketAddr,
) -> Option<(SocketAddr, Option<SocketAddr>)> {
    let table = front.live.table();
    let settings = &table.settings().client_address;
    if !settings.use_proxy_protocol {
        return Some((peer, None));
    }
    let patience = Duration::from_secs(settings.proxy_protocol_header_timeout.max(1).into());
    // In a box: the space it reads into would be part of every connection's task, for its whole life.
    let header = Box::pin(proxy_protocol::receive(stream));
    match tokio::time::timeout(patience, header).await {
        Ok(Ok(Some(Addresses { source, server }))) => {
            return Some(table.compiled().client_address.neighbour(peer, source, server));
        }
        Ok(Ok(None)) => return Some((peer, None)),
        Ok(Err(error)) => tracing::debug!(peer = %peer.ip(), %error, "dropped"),
        Err(_) => tracing::debug!(peer = %peer.ip(), "dropped: no PROXY header in time"),
    }
    front.telemetry.not_introduced();
    None
}

/// Tells a client that there is no place, without reading a byte of it.
async fn turn_away(mut socket: TcpStream) {
    let answer = async {
        socket.write_all(&page::raw(Reason::Overloaded)).await?;
        socket.shutdown().await
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), answer).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<A, B, C, D, E, F: Future>(_: impl Fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn an_idle_connection_holds_little() {
        let task = size_of_future(welcome);
        assert!(task <= 1152, "{task} bytes");
        assert!(size_of::<ClientStream>() <= 512, "{} bytes", size_of::<ClientStream>());
    }
}
