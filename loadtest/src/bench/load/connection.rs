//! One plain HTTP/1.1 connection: prepared bytes out, one answer in, in a buffer that is used again.
//!
//! It reads what the programs under test send, and no more of HTTP than that: `Content-Length` and chunked bodies.

use super::super::probe;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// The largest answer that is read, bytes.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// The bytes of a GET for `target` at `host`.
#[must_use]
pub fn get(host: &str, target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: ingora-bench\r\nAccept: */*\r\n\r\n")
        .into_bytes()
}

/// An answer, still in the connection's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// The body; with its chunk lines, when it is chunked.
    pub body: &'a [u8],
}

/// A keep-alive connection, opened when it is first needed and again when the other side has closed it in its turn.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    /// To `address`; nothing is opened yet.
    #[must_use]
    pub fn to(address: SocketAddr) -> Self {
        Self { address, stream: None, buffer: Vec::with_capacity(4096) }
    }

    /// Sends `request` (a whole one, without body or with it) and reads the answer.
    ///
    /// # Errors
    /// When the connection cannot be opened, breaks, or says nothing for ten seconds; the next call opens another one.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => probe::connect(self.address)?,
        };
        stream.write_all(request)?;
        let head = read_head(&mut stream, &mut self.buffer)?;
        read_body(&mut stream, &mut self.buffer, &head)?;
        if !head.close {
            self.stream = Some(stream);
        }
        Ok(Answer { status: head.status, body: &self.buffer[head.end..] })
    }

    /// Opens the connection, unless it is open.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn connect(&mut self) -> io::Result<()> {
        if self.stream.is_none() {
            self.stream = Some(probe::connect(self.address)?);
        }
        Ok(())
    }
}

struct Head {
    status: u16,
    /// Where the body begins in the buffer.
    end: usize,
    close: bool,
    body: Body,
}

enum Body {
    Bytes(usize),
    Chunked,
}

fn read_more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut piece = [0; 16 * 1024];
    let read = stream.read(&mut piece)?;
    if read == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    if buffer.len() + read > MAX_ANSWER {
        return Err(io::Error::other("the answer is too large"));
    }
    buffer.extend_from_slice(&piece[..read]);
    Ok(())
}

fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Head> {
    buffer.clear();
    loop {
        read_more(stream, buffer)?;
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            return parse(&buffer[..end + 2], end + 4);
        }
    }
}

/// Reads a head that ends with its last line.
fn parse(head: &[u8], end: usize) -> io::Result<Head> {
    let no = || io::Error::new(ErrorKind::InvalidData, "the answer is not HTTP/1.1");
    let head = std::str::from_utf8(head).map_err(|_| no())?;
    let (first, fields) = head.split_once("\r\n").ok_or_else(no)?;
    let status =
        first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).ok_or_else(no)?;
    let mut parsed = Head { status, end, close: false, body: Body::Bytes(0) };
    for (name, value) in fields.lines().filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            parsed.body = Body::Bytes(value.parse().map_err(|_| no())?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            parsed.body = Body::Chunked;
        } else if name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("close") {
            parsed.close = true;
        }
    }
    Ok(parsed)
}

fn read_body(stream: &mut TcpStream, buffer: &mut Vec<u8>, head: &Head) -> io::Result<()> {
    // Bodies of GETs, of statuses that have one; nothing is sent ahead, so nothing may follow either.
    let whole = |buffer: &[u8]| match head.body {
        Body::Bytes(count) => buffer.len() >= head.end + count,
        Body::Chunked => buffer[head.end..].ends_with(b"0\r\n\r\n"),
    };
    while !whole(buffer) {
        read_more(stream, buffer)?;
    }
    match head.body {
        Body::Bytes(count) if buffer.len() > head.end + count => {
            Err(io::Error::new(ErrorKind::InvalidData, "more was sent than the answer"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// Answers each connection's requests with the texts of its turn, each in two pieces, then closes.
    fn server(turns: Vec<Vec<&'static str>>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for answers in turns {
                let (mut stream, _) = listener.accept().unwrap();
                for answer in answers {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        let mut byte = [0];
                        stream.read_exact(&mut byte).unwrap();
                        request.extend(byte);
                    }
                    let (one, two) = answer.split_at(answer.len() / 2);
                    stream.write_all(one.as_bytes()).unwrap();
                    stream.write_all(two.as_bytes()).unwrap();
                }
            }
        });
        address
    }

    #[test]
    fn answers_of_both_kinds_are_read_on_one_connection() {
        let address = server(vec![vec![
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
        ]]);
        let mut connection = Connection::to(address);
        let request = get("a.test", "/");
        assert_eq!(connection.ask(&request).unwrap(), Answer { status: 200, body: b"hello" });
        assert_eq!(connection.ask(&request).unwrap(), Answer { status: 503, body: b"2\r\nab\r\n0\r\n\r\n" });
        assert_eq!(connection.ask(&request).unwrap(), Answer { status: 204, body: b"" });
        assert!(connection.ask(&request).is_err(), "the server has closed without saying so");
    }

    #[test]
    fn a_connection_that_is_closed_in_turn_is_opened_again() {
        let last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1";
        let mut connection = Connection::to(server(vec![vec![last], vec![last]]));
        for _ in 0..2 {
            assert_eq!(connection.ask(&get("a.test", "/")).unwrap().body, b"1");
        }
    }

    #[test]
    fn what_is_not_http_or_too_much_is_an_error() {
        for answer in
            ["SSH-2.0\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n12"]
        {
            let mut connection = Connection::to(server(vec![vec![answer]]));
            let error = connection.ask(&get("a.test", "/")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{answer}");
        }
    }
}
