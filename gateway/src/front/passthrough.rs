//! `ssl-passthrough`: TLS that is ended behind us. Bytes go both ways as they come, from the ClientHello on.
//!
//! ```text
//!   client ──ClientHello──▶ name ──▶ route of / ──▶ an endpoint    then bytes both ways, until both sides have ended
//!                                                                   theirs or both are silent
//! ```
//!
//! Like a tunnel of WebSocket it counts as a request in flight: a gateway that leaves waits for it as long as for any.

use super::Front;
use super::tls::Unopened;
use crate::reason::Reason;
use crate::settings::LogSettings;
use crate::telemetry::Record;
use crate::upstream::Target;
use ingora_config::settings::Proxy;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How much is relayed at once, in bytes.
const CHUNK: usize = 16 * 1024;
/// The most endpoints that are tried where the settings name no limit.
const MAX_TRIES: u32 = 16;

/// What is told of a connection when it is over.
#[derive(Default)]
struct Told {
    tries: u32,
    target: Option<Arc<Target>>,
    connect_time: Option<Duration>,
    reason: Option<Reason>,
    received: AtomicU64,
    sent: AtomicU64,
}

/// Serves a connection to its end.
pub(super) async fn serve(front: &Front, connection: Unopened, client: SocketAddr) {
    let started = Instant::now();
    let Unopened { stream, hello, name, route, table } = connection;
    let mut told = Told::default();
    let settings = &table.settings().proxy;
    let group = route.group.as_ref();
    let connected = connect(settings, |tried| group.and_then(|group| group.pick(tried)), &mut told).await;
    match connected {
        Ok(upstream) => {
            let patience = Duration::from_secs(settings.proxy_read_timeout.max(1).into());
            relay(stream, upstream, hello, patience, &told).await;
        }
        Err(reason) => told.reason = Some(reason),
    }
    let record = Record {
        host: &name,
        protocol: "TLS",
        status: told.reason.map_or(200, Reason::status),
        reason: told.reason,
        route: Some(&route),
        upstream_address: told.target.as_ref().map(|target| &*target.name),
        tries: told.tries,
        bytes_in: told.received.load(Ordering::Relaxed),
        bytes_out: told.sent.load(Ordering::Relaxed),
        duration: started.elapsed(),
        connect_time: told.connect_time,
        ..Record::refused(client.ip(), true, Reason::Internal)
    };
    let log: &LogSettings = &table.compiled().log;
    front.telemetry.request(&record, log);
}

/// A connection to some endpoint. Nothing is sent before one stands, so trying again is always safe.
async fn connect(
    settings: &Proxy,
    pick: impl Fn(&[SocketAddr]) -> Option<Arc<Target>>,
    told: &mut Told,
) -> Result<TcpStream, Reason> {
    let limit = match settings.proxy_next_upstream_tries {
        0 => MAX_TRIES,
        tries => tries,
    };
    let patience = Duration::from_secs(settings.proxy_connect_timeout.max(1).into());
    let mut tried = Vec::new();
    let mut reason = Reason::NoEndpoints;
    while told.tries < limit {
        let target = pick(&tried).filter(|target| !tried.contains(&target.address));
        let Some(target) = target else { break };
        told.tries += 1;
        told.target = Some(Arc::clone(&target));
        let started = Instant::now();
        match timeout(patience, TcpStream::connect(target.address)).await {
            Ok(Ok(stream)) => {
                told.connect_time = Some(started.elapsed());
                // Only delays small answers.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(_)) => reason = Reason::ConnectFailed,
            Err(_) => reason = Reason::ConnectTimeout,
        }
        tried.push(target.address);
    }
    Err(reason)
}

/// Bytes both ways. However it ends, it was what both sides wanted.
async fn relay<S: AsyncRead + AsyncWrite>(
    client: S,
    mut upstream: TcpStream,
    hello: Vec<u8>,
    patience: Duration,
    told: &Told,
) {
    let pulse = Pulse::new();
    told.received.fetch_add(hello.len() as u64, Ordering::Relaxed);
    match timeout(patience, upstream.write_all(&hello)).await {
        Ok(Ok(())) => drop(hello),
        _ => return,
    }
    let (from_client, to_client) = tokio::io::split(client);
    let (from_upstream, to_upstream) = upstream.into_split();
    let both = async {
        tokio::try_join!(
            pump(from_client, to_upstream, &pulse, &told.received),
            pump(from_upstream, to_client, &pulse, &told.sent),
        )
    };
    tokio::select! {
        _ = both => {}
        () = pulse.stops(patience) => {}
    }
}

/// One way, to its end, which the other side is told: the other way may go on.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    pulse: &Pulse,
    count: &AtomicU64,
) -> io::Result<()> {
    let mut space = vec![0; CHUNK];
    loop {
        let length = from.read(&mut space).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&space[..length]).await?;
        to.flush().await?;
        pulse.beat();
        count.fetch_add(length as u64, Ordering::Relaxed);
    }
}

/// When something last moved.
struct Pulse {
    started: Instant,
    /// Milliseconds after the start.
    last: AtomicU64,
}

impl Pulse {
    fn new() -> Self {
        Self { started: Instant::now(), last: AtomicU64::new(0) }
    }

    fn beat(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// Resolves when nothing has moved for so long.
    async fn stops(&self, patience: Duration) {
        loop {
            let last = self.started + Duration::from_millis(self.last.load(Ordering::Relaxed));
            let left = patience.saturating_sub(last.elapsed());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}
