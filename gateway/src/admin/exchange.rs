//! As much HTTP/1.1 as the admin port needs: one GET or HEAD per connection.

use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 8 * 1024;
const MAX_HEADERS: usize = 64;
/// How much of a large page is in memory at a time, in bytes.
const PIECE: usize = 64 * 1024;

pub(super) struct Request {
    /// Without the query.
    pub(super) path: String,
    pub(super) with_body: bool,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Body,
}

pub(super) enum Body {
    Text(&'static str),
    /// Written piece by piece while it is sent, so that a large page takes no memory to speak of.
    Written(Writes),
}

/// Writes a page.
pub(super) type Writes = Box<dyn FnOnce(&mut dyn io::Write) -> io::Result<()> + Send>;

pub(super) enum ReadError {
    /// To be answered with this status.
    Status(u16),
    /// The client is gone.
    Io(io::Error),
}

impl Answer {
    pub(super) fn text(status: u16, body: &'static str) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: Body::Text(body) }
    }
}

/// Reads the head of a request. The caller sets the deadline.
pub(super) async fn read(stream: &mut TcpStream) -> Result<Request, ReadError> {
    let mut head = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut head).await.map_err(ReadError::Io)? == 0 {
            return Err(ReadError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head) {
            Ok(httparse::Status::Partial) if head.len() < MAX_HEAD => {}
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                return Err(ReadError::Status(431));
            }
            Err(_) => return Err(ReadError::Status(400)),
            Ok(httparse::Status::Complete(_)) => {
                let with_body = match request.method {
                    Some("GET") => true,
                    Some("HEAD") => false,
                    _ => return Err(ReadError::Status(405)),
                };
                let path = request.path.unwrap_or_default();
                let path = path.split_once('?').map_or(path, |(path, _)| path).to_owned();
                return Ok(Request { path, with_body });
            }
        }
    }
}

/// Writes an answer and ends the connection, which is also what ends a body of unknown length.
pub(super) async fn write(stream: &mut TcpStream, with_body: bool, answer: Answer) -> io::Result<()> {
    let status = http::StatusCode::from_u16(answer.status).unwrap_or_default();
    let length = match answer.body {
        Body::Text(text) => format!("Content-Length: {}\r\n", text.len()),
        Body::Written(_) => String::new(),
    };
    let head = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\n{length}Cache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or(""),
        answer.content_type,
    );
    stream.write_all(head.as_bytes()).await?;
    match answer.body {
        _ if !with_body => {}
        Body::Text(text) => stream.write_all(text.as_bytes()).await?,
        Body::Written(write) => {
            let (sender, mut pieces) = mpsc::channel(1);
            // Ends early when the receiver is gone: with the connection, or with its deadline.
            let writing = tokio::task::spawn_blocking(move || {
                let mut pieces = io::BufWriter::with_capacity(PIECE, Pieces(sender));
                write(&mut pieces)?;
                io::Write::flush(&mut pieces)
            });
            while let Some(piece) = pieces.recv().await {
                stream.write_all(&piece).await?;
            }
            writing.await.map_err(io::Error::other)??;
        }
    }
    stream.shutdown().await
}

/// Hands what is written to the task that sends it.
struct Pieces(mpsc::Sender<Vec<u8>>);

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.blocking_send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
