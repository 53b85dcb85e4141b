//! An HTTP/1 client of raw bytes: sends whatever the test writes, reads strictly what the gateway answers.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The longest a client waits for the gateway; a test that needs more is a test that failed.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// First line and header lines of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    /// The request or status line.
    pub(crate) first: String,
    /// The fields in order, names as they came.
    pub(crate) fields: Vec<(String, String)>,
}

impl Head {
    fn parse(text: &str) -> io::Result<Self> {
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or("").to_owned();
        let fields = lines
            .filter(|line| !line.is_empty())
            .map(|line| {
                let (name, value) =
                    line.split_once(':').ok_or_else(|| broken("a header line without colon"))?;
                Ok((name.to_owned(), value.trim().to_owned()))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { first, fields })
    }

    /// All values of a field.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let same = |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.fields.iter().filter(same).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a field that stands there at most once.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} stands there twice: {all:?}");
        all.first().copied()
    }
}

/// A whole answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// The head.
    pub(crate) head: Head,
    /// The body without its framing.
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header that stands there at most once.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Reads messages from a stream.
pub(crate) struct Reader<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: Read> Reader<S> {
    /// Takes a stream.
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Reads more; 0 at the end of the stream.
    fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 16 * 1024];
        let count = self.stream.read(&mut piece)?;
        self.buffer.extend_from_slice(&piece[..count]);
        Ok(count)
    }

    fn need(&mut self) -> io::Result<()> {
        match self.fill()? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed in the middle of a message")),
            _ => Ok(()),
        }
    }

    fn until(&mut self, end: &[u8]) -> io::Result<String> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                let text: Vec<u8> = self.buffer.drain(..at + end.len()).take(at).collect();
                // Bytes beyond ASCII are allowed in values; one character each keeps them apart.
                return Ok(text.into_iter().map(char::from).collect());
            }
            self.need()?;
        }
    }

    /// Reads one head. A stream that ends before its first byte is `ConnectionAborted`.
    pub(crate) fn head(&mut self) -> io::Result<Head> {
        if self.buffer.is_empty() && self.fill()? == 0 {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Head::parse(&self.until(b"\r\n\r\n")?)
    }

    /// Reads exactly `count` bytes.
    pub(crate) fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < count {
            self.need()?;
        }
        Ok(self.buffer.drain(..count).collect())
    }

    /// Whatever arrives next, at least one byte; empty at the end of the stream.
    pub(crate) fn some(&mut self) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.fill()?;
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    /// Reads a body by its framing; `to_end` when a body without framing lasts to the end of the
    /// stream, as in an answer.
    pub(crate) fn body(&mut self, head: &Head, to_end: bool) -> io::Result<Vec<u8>> {
        if let Some(coding) = head.header("transfer-encoding") {
            assert_eq!(coding, "chunked", "only chunked may be sent");
            assert_eq!(head.header("content-length"), None, "both framings at once");
            return self.chunked();
        }
        if let Some(length) = head.header("content-length") {
            let length = length.parse().map_err(|_| broken("Content-Length is not a number"))?;
            return self.exactly(length);
        }
        if to_end {
            while self.fill()? > 0 {}
            return Ok(std::mem::take(&mut self.buffer));
        }
        Ok(Vec::new())
    }

    fn chunked(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut piece = self.chunk()?;
            if piece.is_empty() {
                return Ok(body);
            }
            body.append(&mut piece);
        }
    }

    /// One chunk of a chunked body; empty at its end.
    pub(crate) fn chunk(&mut self) -> io::Result<Vec<u8>> {
        let line = self.until(b"\r\n")?;
        let size = usize::from_str_radix(&line, 16).map_err(|_| broken("not a chunk size"))?;
        if size == 0 {
            // Trailers are read and dropped; what becomes of them is tested over HTTP/2.
            while !self.until(b"\r\n")?.is_empty() {}
            return Ok(Vec::new());
        }
        let piece = self.exactly(size)?;
        if self.exactly(2)? != b"\r\n" {
            return Err(broken("a chunk without its end"));
        }
        Ok(piece)
    }
}

/// One connection of a client.
pub(crate) struct Connection<S> {
    reader: Reader<S>,
}

impl Connection<TcpStream> {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        stream.set_write_timeout(Some(READ_TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }
}

impl<S: Read + Write> Connection<S> {
    /// Speaks HTTP/1 over any stream.
    pub(crate) fn over(stream: S) -> Self {
        Self { reader: Reader::new(stream) }
    }

    /// The stream, for tests that do something of their own with it.
    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.reader.stream
    }

    /// Writes bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.reader.stream.write_all(bytes.as_ref())
    }

    /// Reads one head, interim ones (1xx) too.
    pub(crate) fn head(&mut self) -> io::Result<Head> {
        self.reader.head()
    }

    /// Whatever arrives next; empty at the end.
    pub(crate) fn some(&mut self) -> io::Result<Vec<u8>> {
        self.reader.some()
    }

    /// Reads exactly `count` bytes.
    pub(crate) fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        self.reader.exactly(count)
    }

    /// Reads one chunk of a chunked body; empty at its end.
    #[allow(dead_code, reason = "for the cluster tests, which share this file")]
    pub(crate) fn chunk(&mut self) -> io::Result<Vec<u8>> {
        self.reader.chunk()
    }

    /// Reads the answer to a GET or POST.
    pub(crate) fn response(&mut self) -> io::Result<Response> {
        self.response_to("GET")
    }

    /// Reads the answer to a request with `method`; HEAD has no body. Interim answers are skipped.
    pub(crate) fn response_to(&mut self, method: &str) -> io::Result<Response> {
        loop {
            let head = self.head()?;
            let status = status(&head)?;
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            if method == "HEAD" || matches!(status, 101 | 204 | 304) {
                return Ok(Response { status, head, ..Response::default() });
            }
            let body = self.reader.body(&head, true)?;
            return Ok(Response { status, head, body });
        }
    }

    /// One request with a Host, without a body, on this connection.
    pub(crate) fn get(&mut self, host: &str, target: &str) -> io::Result<Response> {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"))?;
        self.response()
    }

    /// Whether the other side ends the connection now, without another byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.some() {
            Ok(bytes) => bytes.is_empty(),
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}

/// The code of a status line.
pub(crate) fn status(head: &Head) -> io::Result<u16> {
    let code = head.first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    code.ok_or_else(|| broken(&format!("not a status line: {:?}", head.first)))
}

/// One GET on a connection of its own.
pub(crate) fn get(address: SocketAddr, host: &str, target: &str) -> io::Result<Response> {
    let mut connection = Connection::open(address)?;
    connection.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))?;
    connection.response()
}
