//! One request on a connection of its own, plain or over TLS with a full handshake: to see whether something serves, and to
//! load what each new connection costs. wrk is no use for the latter: it resumes its TLS sessions.

use openssl::ssl::{SslConnector, SslMethod, SslStream, SslVerifyMode};
use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long connecting, and each step of an answer, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest head that is read, bytes.
const MAX_HEAD: usize = 16 * 1024;

/// An answer: its status and how long its body was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, without transfer coding.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether this is 200 with a body of so many bytes.
    pub fn is(&self, bytes: usize) -> bool {
        self.status == 200 && self.body.len() == bytes
    }
}

/// Asks over plain HTTP/1.1.
///
/// # Errors
/// When nobody answers, or not in HTTP/1.1.
pub fn get(address: SocketAddr, host: &str, target: &str) -> io::Result<Answer> {
    ask(&mut connect(address)?, host, target, true)
}

/// Asks over HTTPS, with a full handshake for `host`.
///
/// # Errors
/// When nobody answers, or not in HTTP/1.1 over TLS.
pub fn get_tls(address: SocketAddr, host: &str, target: &str) -> io::Result<Answer> {
    ask(&mut connect_tls(connect(address)?, host)?, host, target, true)
}

/// Opens a connection.
///
/// # Errors
/// When it cannot be opened.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    prepare(&stream)?;
    Ok(stream)
}

/// Sets the time-outs of a connection that was opened otherwise.
///
/// # Errors
/// When the system refuses.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))
}

/// A full TLS handshake for `host` (HTTP/1.1, no resumption, any certificate).
///
/// # Errors
/// When it fails, or a session was resumed after all.
pub fn connect_tls(stream: TcpStream, host: &str) -> io::Result<SslStream<TcpStream>> {
    thread_local! {
        static CONNECTOR: RefCell<Option<SslConnector>> = const { RefCell::new(None) };
    }
    let settings = CONNECTOR.with_borrow_mut(|connector| -> io::Result<_> {
        let connector = match connector {
            Some(connector) => connector,
            None => connector.insert(new_connector()?),
        };
        Ok(connector.configure()?.verify_hostname(false))
    })?;
    let stream = settings.connect(host, stream).map_err(io::Error::other)?;
    if stream.ssl().session_reused() {
        return Err(io::Error::other("the TLS session was resumed"));
    }
    Ok(stream)
}

fn new_connector() -> io::Result<SslConnector> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    builder.set_verify(SslVerifyMode::NONE);
    builder.set_alpn_protos(b"\x08http/1.1")?;
    Ok(builder.build())
}

/// Sends a GET and reads the answer; `close` says in the request that it is the last one.
///
/// # Errors
/// When the connection breaks, or what comes is not HTTP/1.1 with a length.
pub fn ask(stream: &mut (impl Read + Write), host: &str, target: &str, close: bool) -> io::Result<Answer> {
    let last = if close { "Connection: close\r\n" } else { "" };
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: ingora-bench\r\nAccept: */*\r\n{last}\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut buffer = Vec::with_capacity(4096);
    let end = loop {
        read_more(stream, &mut buffer)?;
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if buffer.len() > MAX_HEAD {
            return Err(io::Error::new(ErrorKind::InvalidData, "the head is too long"));
        }
    };
    let (status, length) = head(&buffer[..end])
        .ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "the answer is not HTTP/1.1 with a length"))?;
    let mut body = buffer.split_off(end + 4);
    while body.len() < length {
        read_more(stream, &mut body)?;
    }
    Ok(Answer { status, body })
}

fn read_more(stream: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut piece = [0; 16 * 1024];
    match stream.read(&mut piece)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        read => {
            buffer.extend_from_slice(&piece[..read]);
            Ok(())
        }
    }
}

/// The status and the length of the body.
fn head(head: &[u8]) -> Option<(u16, usize)> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    Some((status, length.1.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_and_others_refused() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nDate: x\r\ncontent-length: 12"), Some((200, 12)));
        assert_eq!(head(b"HTTP/1.1 404 Not Found\r\nContent-Length:0"), Some((404, 0)));
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"), None);
        assert_eq!(head(b"SSH-2.0"), None);
    }

    #[test]
    fn an_answer_in_pieces_is_put_together() {
        struct Pieces(Vec<&'static [u8]>);
        impl Read for Pieces {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                if self.0.is_empty() {
                    return Ok(0);
                }
                let piece = self.0.remove(0);
                into[..piece.len()].copy_from_slice(piece);
                Ok(piece.len())
            }
        }
        impl Write for Pieces {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut whole = Pieces(vec![b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 5\r\n\r\nhe", b"llo"]);
        assert_eq!(
            ask(&mut whole, "a.test", "/", false).unwrap(),
            Answer { status: 200, body: b"hello".to_vec() }
        );
        let mut cut = Pieces(vec![b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"]);
        assert_eq!(ask(&mut cut, "a.test", "/", false).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
