//! A thin proxy in front of the API server that makes faults: plain HTTP/1.1 in, TLS out, one request per connection.
//!
//! ```text
//!   ingora sync ──http──▶ Proxy ──https──▶ kube-apiserver
//!                          │ first rule that fits (proxy/rule.rs)
//!                          ├── answer, hang or reset: the server never hears of the request
//!                          ├── rewrite: every object of a list or watch passes through a function (proxy/rewrite.rs)
//!                          └── none: bytes as they are
//! ```

mod rewrite;
mod rule;

pub(crate) use rule::{Asked, Fault};

use super::api::Api;
use super::http1::{Connection, Head, Reader};
use rule::Rule;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Listens until dropped.
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: Api,
    rules: Mutex<Vec<Rule>>,
    asked: Mutex<Vec<Asked>>,
    streams: Mutex<Vec<TcpStream>>,
    /// Connections numbered below this are silent: bytes go neither way, and nobody hangs up.
    frozen_below: AtomicU64,
    connections: AtomicU64,
    stopped: AtomicBool,
}

/// A fault that lasts as long as this.
pub(crate) struct Injected {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Injected {
    fn drop(&mut self) {
        self.shared.rules().retain(|rule| rule.id != self.id);
    }
}

impl Proxy {
    /// Starts one that asks the server as whoever asks it; the token of `upstream` is not used.
    pub(crate) fn start(upstream: Api) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream,
            rules: Mutex::default(),
            asked: Mutex::default(),
            streams: Mutex::default(),
            frozen_below: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let number = accepting.connections.fetch_add(1, Ordering::SeqCst);
                accepting.streams().push(stream.try_clone().unwrap());
                let shared = Arc::clone(&accepting);
                // A client or a server that hangs up is daily bread.
                thread::spawn(move || drop(shared.serve(stream, number)));
            }
        });
        Self { address, shared }
    }

    /// From now on every request whose method and target (`GET /apis/…`) contain all `words` (`!word`: does not
    /// contain) meets this fault.
    #[must_use]
    pub(crate) fn inject(&self, words: &'static [&'static str], fault: Fault) -> Injected {
        let mut rules = self.shared.rules();
        let id = rules.last().map_or(1, |rule| rule.id + 1);
        rules.push(Rule { id, words, fault: Arc::new(fault) });
        Injected { shared: Arc::clone(&self.shared), id }
    }

    /// The same for connections that are there already: they are cut in the middle of whatever they carry.
    pub(crate) fn cut(&self) {
        let streams = std::mem::take(&mut *self.shared.streams());
        streams.iter().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }

    /// All connections of now fall silent and stay open, as when a firewall forgets them.
    pub(crate) fn freeze(&self) {
        let next = self.shared.connections.load(Ordering::SeqCst);
        self.shared.frozen_below.store(next, Ordering::SeqCst);
    }

    /// The requests so far that contain all `words`, as above.
    pub(crate) fn asked(&self, words: &[&str]) -> Vec<Asked> {
        let asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|asked| rule::contains(&asked.what, words)).cloned().collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        self.cut();
    }
}

impl Shared {
    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn streams(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut client: TcpStream, number: u64) -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut reader = Reader::new(client.try_clone()?);
        let head = reader.head()?;
        let body = reader.body(&head, false)?;
        let what = head.first.trim_end_matches(" HTTP/1.1").to_owned();
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Asked { at: Instant::now(), what: what.clone() });
        // Cloned out: a rule that hangs must not hold the lock.
        let fault = self.rules().iter().find(|rule| rule.fits(&what)).map(|rule| Arc::clone(&rule.fault));
        match fault.as_deref() {
            Some(Fault::Answer { status, headers, body }) => client.write_all(
                format!(
                    "HTTP/1.1 {status} Fault\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}\
                     Content-Length: {}\r\n\r\n{body}",
                    body.len()
                )
                .as_bytes(),
            ),
            Some(Fault::Hang) => {
                self.rest();
                Ok(())
            }
            Some(Fault::Reset) => {
                socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
                // The last descriptor of the connection sends the reset.
                let peer = client.peer_addr()?;
                self.streams().retain(|stream| stream.peer_addr().is_ok_and(|other| other != peer));
                Ok(())
            }
            Some(Fault::Rewrite(change)) => {
                let mut upstream = self.forward(&head, &body)?;
                rewrite::relay(&mut upstream, &mut Gate { shared: self, number, client }, &what, change)
            }
            None => {
                let mut upstream = self.forward(&head, &body)?;
                let mut gate = Gate { shared: self, number, client };
                loop {
                    let piece = upstream.some()?;
                    if piece.is_empty() {
                        return Ok(());
                    }
                    gate.write_all(&piece)?;
                }
            }
        }
    }

    /// Sends the request on and asks for the end of the connection behind the answer.
    fn forward(&self, head: &Head, body: &[u8]) -> io::Result<super::api::Secured> {
        let mut upstream: Connection<_> = self.upstream.connect(None)?;
        let mut text = format!("{}\r\nConnection: close\r\n", head.first);
        for (name, value) in &head.fields {
            if !["connection", "accept-encoding"].contains(&name.to_ascii_lowercase().as_str()) {
                text += &format!("{name}: {value}\r\n");
            }
        }
        upstream.send(text + "\r\n")?;
        upstream.send(body)?;
        Ok(upstream)
    }

    /// Does nothing until the proxy ends.
    fn rest(&self) {
        while !self.stopped.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The client's side of a connection; shut while the connection is frozen.
struct Gate<'s> {
    shared: &'s Shared,
    number: u64,
    client: TcpStream,
}

impl Write for Gate<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.number < self.shared.frozen_below.load(Ordering::SeqCst) {
            self.shared.rest();
        }
        self.client.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.client.flush()
    }
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        // An end from the server is held back as well.
        if self.number < self.shared.frozen_below.load(Ordering::SeqCst) {
            self.shared.rest();
        }
        let _ = self.client.shutdown(Shutdown::Both);
    }
}
