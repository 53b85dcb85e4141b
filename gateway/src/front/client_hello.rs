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

use bytes::BufMut as _;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The largest ClientHello that is read, in bytes. With hybrid keys and a ticket they come to 2 to 4 thousand.
const MAX_HELLO: usize = 32 * 1024;
/// The most bytes that are read for one: records of one byte are legal, and nobody sends them.
const MAX_READ: usize = 2 * MAX_HELLO;
/// How much is read at once, in bytes.
const READ_SIZE: usize = 2048;
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
    let mut bytes = Vec::with_capacity(READ_SIZE);
    let mut scan = Scan::default();
    loop {
        if stream.read_buf(&mut (&mut bytes).limit(READ_SIZE)).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match scan.advance(&bytes) {
            Hello::Name(name) => return Ok((name, bytes)),
            Hello::Unreadable => return Ok((String::new(), bytes)),
            Hello::Partial if bytes.len() > MAX_READ => return Ok((String::new(), bytes)),
            Hello::Partial => {}
        }
    }
}

/// Reads the first bytes of a connection while they arrive, none of them twice.
#[derive(Debug, Default)]
pub struct Scan {
    /// What was in the records so far.
    handshake: Vec<u8>,
    /// How much was looked at.
    taken: usize,
    /// How much of it the current record still has.
    left: usize,
}

impl Scan {
    /// Goes on with all that has arrived, what was looked at before included.
    pub fn advance(&mut self, bytes: &[u8]) -> Hello {
        if self.gather(bytes).is_none() {
            return Hello::Unreadable;
        }
        let Some((&kind, rest)) = self.handshake.split_first() else { return Hello::Partial };
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

    /// Takes the content out of the records; `None` when there is something else.
    fn gather(&mut self, bytes: &[u8]) -> Option<()> {
        loop {
            let rest = bytes.get(self.taken..).unwrap_or_default();
            if self.left == 0 {
                let kinds = rest.iter().zip([22, 3]).all(|(byte, expected)| *byte == expected);
                if !kinds {
                    return None;
                }
                let Some(head) = rest.get(..5) else { return Some(()) };
                self.left = Some(number(&head[3..])).filter(|length| (1..=1 << 14).contains(length))?;
                self.taken += 5;
                continue;
            }
            if rest.is_empty() {
                return Some(());
            }
            let piece = &rest[..self.left.min(rest.len())];
            self.handshake.extend_from_slice(piece);
            self.taken += piece.len();
            self.left -= piece.len();
        }
    }
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
