//! The server name in a ClientHello, read before the TLS library sees it (RFC 8446 section 4.1.2, RFC 6066 section 3).
//!
//! What a handshake asks for depends on the name, and the library tells it only when it has looked for a session to resume
//! (CVE-2025-23419 of nginx). Reading it twice is safe: what a request may do is decided by the rule its connection was opened
//! under, whichever name led there.
//!
//! ```text
//!   record 22│ver│len│ handshake 1│len│ ver random session ciphers compression extensions ─▶ 0 server_name ─▶ host_name
//!   record 22│ver│len│ … the same handshake goes on: a client may cut it where it likes
//! ```

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The largest ClientHello that is read, in bytes. With hybrid keys and a ticket they come to 2 to 4 thousand.
const MAX_HELLO: usize = 32 * 1024;
/// The most bytes that are read for one: records of one byte are legal, and nobody sends them.
const MAX_READ: usize = 2 * MAX_HELLO;
/// The longest name, in bytes (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 255;

/// What the first bytes of a connection say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hello {
    /// More of them are needed.
    Partial,
    /// A ClientHello for this name: lower case, without the dot at its end; empty when there is none.
    Name(String),
    /// None that can be read. The TLS library says what is wrong with it.
    Unreadable,
}

/// Reads from a stream until the name is known; answers it with everything that was read.
///
/// # Errors
/// Those of the stream, or that it ended.
pub async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::with_capacity(2048);
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match parse(&bytes) {
            Hello::Name(name) => return Ok((name, bytes)),
            Hello::Unreadable => return Ok((String::new(), bytes)),
            Hello::Partial if bytes.len() > MAX_READ => return Ok((String::new(), bytes)),
            Hello::Partial => {}
        }
    }
}

/// Reads the first bytes of a connection.
pub fn parse(bytes: &[u8]) -> Hello {
    let Ok(handshake) = gather(bytes) else { return Hello::Unreadable };
    let Some((&kind, rest)) = handshake.split_first() else { return Hello::Partial };
    if kind != 1 {
        return Hello::Unreadable;
    }
    let Some((length, body)) = rest.split_at_checked(3) else { return Hello::Partial };
    let length = number(length);
    if length > MAX_HELLO {
        return Hello::Unreadable;
    }
    match body.get(..length) {
        None => Hello::Partial,
        Some(body) => name(body).map_or(Hello::Unreadable, Hello::Name),
    }
}

/// The content of all the records, the last of which may be incomplete.
fn gather(mut bytes: &[u8]) -> Result<Vec<u8>, ()> {
    let mut content = Vec::new();
    while let Some((&kind, _)) = bytes.split_first() {
        if kind != 22 || bytes.get(1).is_some_and(|major| *major != 3) {
            return Err(());
        }
        let Some((head, rest)) = bytes.split_at_checked(5) else { break };
        let length = number(&head[3..]);
        if length == 0 || length > 1 << 14 {
            return Err(());
        }
        content.extend_from_slice(&rest[..length.min(rest.len())]);
        bytes = rest.get(length..).unwrap_or_default();
    }
    Ok(content)
}

/// The name in the body of a ClientHello; empty when there is none, `None` when it cannot be read.
fn name(body: &[u8]) -> Option<String> {
    let mut rest = body.get(34..)?;
    for width in [1, 2, 1] {
        (_, rest) = vector(rest, width)?;
    }
    if rest.is_empty() {
        return Some(String::new());
    }
    let (mut extensions, _) = vector(rest, 2)?;
    while !extensions.is_empty() {
        let (kind, others) = extensions.split_at_checked(2)?;
        let (content, others) = vector(others, 2)?;
        if kind == [0, 0] {
            return server_name(content);
        }
        extensions = others;
    }
    Some(String::new())
}

/// One name of the only kind there is; OpenSSL takes nothing else either.
fn server_name(content: &[u8]) -> Option<String> {
    let (list, _) = vector(content, 2)?;
    let (&kind, rest) = list.split_first()?;
    let (name, rest) = vector(rest, 2)?;
    if kind != 0 || !rest.is_empty() || name.is_empty() || name.len() > MAX_NAME {
        return None;
    }
    let name = std::str::from_utf8(name).ok().filter(|name| !name.contains('\0'))?;
    Some(name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase())
}

/// A vector with a length of so many bytes in front, and what follows it.
fn vector(bytes: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(width)?;
    rest.split_at_checked(number(length))
}

/// Of at most three bytes.
fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

#[cfg(test)]
mod tests;
