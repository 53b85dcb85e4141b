//! A backend that speaks HTTP/1 over TLS, or in clear text to whoever starts so, and tells what it saw.

use super::certificates::Pair;
use super::http1::{Connection, Head};
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{SslAcceptor, SslAcceptorBuilder, SslMethod, SslRef, SslStream, SslVerifyMode};
use openssl::x509::X509;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// One request and the connection that it came on.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Request line and header lines.
    pub(crate) head: Head,
    /// `TLSv1.3`, or `clear`.
    pub(crate) version: String,
    /// The server name that was asked for.
    pub(crate) server_name: Option<String>,
    /// The Common Name of the client's certificate.
    pub(crate) client: Option<String>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    handshakes: AtomicUsize,
    stopped: AtomicBool,
}

/// Listens until dropped.
pub(crate) struct TlsBackend {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

impl TlsBackend {
    /// Answers every request with 200 and `body`.
    pub(crate) fn named(body: &str, pair: &Pair) -> Self {
        Self::configured(body, pair, |_| {})
    }

    /// The same, with TLS as the test wants it.
    pub(crate) fn configured(
        body: &str,
        pair: &Pair,
        configure: impl FnOnce(&mut SslAcceptorBuilder),
    ) -> Self {
        Self::listen((Ipv4Addr::LOCALHOST, 0).into(), body, pair, configure)
    }

    /// The same on a certain address.
    pub(crate) fn listen(
        address: SocketAddr,
        body: &str,
        pair: &Pair,
        configure: impl FnOnce(&mut SslAcceptorBuilder),
    ) -> Self {
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        let mut chain = X509::stack_from_pem(pair.certificate.as_bytes()).unwrap().into_iter();
        builder.set_certificate(&chain.next().unwrap()).unwrap();
        chain.for_each(|link| builder.add_extra_chain_cert(link).unwrap());
        builder.set_private_key(&PKey::private_key_from_pem(pair.key.as_bytes()).unwrap()).unwrap();
        configure(&mut builder);
        let acceptor = builder.build();
        let listener = TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let (accepting, body) = (Arc::clone(&shared), body.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (shared, acceptor, body) = (Arc::clone(&accepting), acceptor.clone(), body.clone());
                thread::spawn(move || shared.serve(stream, &acceptor, &body));
            }
        });
        Self { address, shared }
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The last request.
    pub(crate) fn last(&self) -> Seen {
        self.seen().pop().expect("the backend must have received a request")
    }

    /// How many handshakes came to an end.
    pub(crate) fn handshakes(&self) -> usize {
        self.shared.handshakes.load(Ordering::SeqCst)
    }
}

/// Asks clients for a certificate of this authority, and refuses those without.
pub(crate) fn ask_for_certificate(builder: &mut SslAcceptorBuilder, authority: &X509) {
    builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    builder.cert_store_mut().add_cert(authority.clone()).unwrap();
}

impl Shared {
    fn serve(&self, stream: TcpStream, acceptor: &SslAcceptor, body: &str) {
        let _ = stream.set_nodelay(true);
        let mut first = [0];
        if stream.peek(&mut first).is_err() {
            return;
        }
        // The first byte of a handshake record (RFC 8446 section 5.1).
        if first[0] != 22 {
            return self.answer(stream, body, |_| ("clear".to_owned(), None, None));
        }
        let Ok(stream) = acceptor.accept(stream) else { return };
        self.handshakes.fetch_add(1, Ordering::SeqCst);
        self.answer(stream, body, |stream: &SslStream<TcpStream>| describe(stream.ssl()));
    }

    fn answer<S: Read + Write>(
        &self,
        stream: S,
        body: &str,
        describe: impl Fn(&S) -> (String, Option<String>, Option<String>),
    ) {
        let mut connection = Connection::over(stream);
        while let Ok(head) = connection.head() {
            let (version, server_name, client) = describe(connection.stream());
            let length = head.header("content-length").map_or(0, |length| length.parse().unwrap());
            if connection.exactly(length).is_err() {
                return;
            }
            let upgrade = head.header("upgrade").is_some();
            self.seen.lock().unwrap().push(Seen { head, version, server_name, client });
            if upgrade {
                return echo(&mut connection);
            }
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            if connection.send(answer).is_err() {
                return;
            }
        }
    }
}

/// Agrees to an upgrade and sends back whatever comes.
fn echo<S: Read + Write>(connection: &mut Connection<S>) {
    let agreed = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut piece = agreed.as_bytes().to_vec();
    while !piece.is_empty() && connection.send(&piece).is_ok() {
        piece = connection.some().unwrap_or_default();
    }
}

fn describe(ssl: &SslRef) -> (String, Option<String>, Option<String>) {
    let client = ssl.peer_certificate().and_then(|certificate| {
        let name = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next()?;
        name.data().to_string().ok()
    });
    let server_name = ssl.servername(openssl::ssl::NameType::HOST_NAME).map(str::to_owned);
    (ssl.version_str().to_owned(), server_name, client)
}

impl Drop for TlsBackend {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}
