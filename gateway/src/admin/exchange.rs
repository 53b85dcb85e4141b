//! As much HTTP/1.1 as the admin port needs: one GET or HEAD per connection.

use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 8 * 1024;
const MAX_HEADERS: usize = 64;

pub(super) struct Request {
    /// Without the query.
    pub(super) path: String,
    pub(super) with_body: bool,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
}

pub(super) enum ReadError {
    /// To be answered with this status.
    Status(u16),
    /// The client is gone.
    Io(io::Error),
}

impl Answer {
    pub(super) fn text(status: u16, body: &str) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.as_bytes().to_vec() }
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
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => return Err(ReadError::Status(431)),
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

/// Writes an answer and ends the connection.
pub(super) async fn write(stream: &mut TcpStream, with_body: bool, answer: Answer) -> io::Result<()> {
    let status = http::StatusCode::from_u16(answer.status).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or(""),
        answer.content_type,
        answer.body.len(),
    );
    stream.write_all(head.as_bytes()).await?;
    if with_body {
        stream.write_all(&answer.body).await?;
    }
    stream.shutdown().await
}
