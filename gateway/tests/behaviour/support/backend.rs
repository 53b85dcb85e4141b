//! A backend of raw sockets: records every request it gets and answers as the test says.

use super::http1::{Head, Reader};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Request line and header lines.
    pub(crate) head: Head,
    /// The body without its framing.
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// The target of the request line, raw.
    pub(crate) fn target(&self) -> &str {
        self.head.first.split(' ').nth(1).unwrap()
    }
}

type Handler = dyn Fn(&Received, &mut TcpStream) -> io::Result<()> + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    received: Mutex<Vec<Received>>,
    streams: Mutex<Vec<TcpStream>>,
    connections: AtomicUsize,
    stopped: AtomicBool,
}

/// Listens until dropped.
pub(crate) struct Backend {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

impl Backend {
    /// Answers every request with 200 and `body`.
    pub(crate) fn named(body: &str) -> Self {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        Self::start(move |_, stream| stream.write_all(answer.as_bytes()))
    }

    /// Answers every request with these bytes.
    pub(crate) fn saying(answer: &'static str) -> Self {
        Self::start(move |_, stream| stream.write_all(answer.as_bytes()))
    }

    /// Answers as `handler` does; an error closes the connection. It runs once the request's body is read.
    pub(crate) fn start(
        handler: impl Fn(&Received, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::listen((Ipv4Addr::LOCALHOST, 0).into(), handler)
    }

    /// The same on a certain address.
    pub(crate) fn listen(
        address: SocketAddr,
        handler: impl Fn(&Received, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            received: Mutex::default(),
            streams: Mutex::default(),
            connections: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                accepting.connections.fetch_add(1, Ordering::SeqCst);
                accepting.streams.lock().unwrap().push(stream.try_clone().unwrap());
                let shared = Arc::clone(&accepting);
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, shared }
    }

    /// The requests so far.
    pub(crate) fn received(&self) -> MutexGuard<'_, Vec<Received>> {
        self.shared.received.lock().unwrap()
    }

    /// The last request.
    pub(crate) fn last(&self) -> Received {
        self.received().last().cloned().expect("the backend must have received a request")
    }

    /// How many connections were ever made to it.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut reader = Reader::new(stream.try_clone().unwrap());
        while let Ok(head) = reader.head() {
            if head.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
                && stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_err()
            {
                return;
            }
            let Ok(body) = reader.body(&head, false) else { return };
            let received = Received { head, body };
            self.received.lock().unwrap().push(received.clone());
            if (self.handler)(&received, &mut stream).is_err() {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Ok(streams) = self.shared.streams.lock() {
            streams.iter().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        }
    }
}

/// A loopback port on which nobody listens: connections are refused.
pub(crate) fn refusing_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, super::ports::free_port()).into()
}
