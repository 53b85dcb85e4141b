//! The PROXY protocol (haproxy.org, `proxy-protocol.txt`), versions 1 and 2: what a balancer that passes connections on
//! says, ahead of everything else, about who made them.
//!
//! ```text
//!   PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n                    version 1, a line of at most 107 bytes
//!   \r\n\r\n\0\r\nQUIT\n │0x21│family│length│ addresses │ TLVs          version 2
//! ```
//!
//! With `use-proxy-protocol` a connection without one is dropped: guessing would let anybody name himself. Whether the
//! addresses count is decided by [`crate::client_address`].

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What starts version 1.
const WORD: &[u8] = b"PROXY ";
/// What starts version 2.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, in bytes, its end included.
const MAX_LINE: usize = 107;
/// The shortest line of version 1 is `PROXY UNKNOWN`, in bytes, its end included.
const MIN_LINE: usize = 15;
/// The fixed part of version 2, in bytes.
const FIXED: usize = 16;
/// The most that may follow the fixed part, in bytes: addresses and TLVs. nginx takes 4096 in all.
const MAX_REST: usize = 4096 - FIXED;

/// Between whom the connection was made, before it was passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Who made it.
    pub source: SocketAddr,
    /// To whom.
    pub server: SocketAddr,
}

/// There is no PROXY header.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The connection broke or ended.
    #[error("the connection ended within its PROXY header: {0}")]
    Broken(#[from] io::Error),
    /// Something else came.
    #[error("the connection does not start with a valid PROXY header")]
    Invalid,
}

/// Reads a header and not one byte more. `None` when it names nobody: the balancer speaks for itself, as for a health
/// check, or does not know.
///
/// # Errors
/// When there is no valid header, or the connection ends.
pub async fn receive<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Option<Addresses>, ProxyError> {
    let mut start = [0; FIXED];
    stream.read_exact(&mut start[..MIN_LINE]).await?;
    if start.starts_with(SIGNATURE) {
        stream.read_exact(&mut start[MIN_LINE..]).await?;
        let mut space = [0; MAX_REST];
        let rest = space.get_mut(..rest_length(&start)).ok_or(ProxyError::Invalid)?;
        stream.read_exact(rest).await?;
        return version2(&start, rest).ok_or(ProxyError::Invalid);
    }
    if !start.starts_with(WORD) {
        return Err(ProxyError::Invalid);
    }
    let mut line = [0; MAX_LINE];
    line[..MIN_LINE].copy_from_slice(&start[..MIN_LINE]);
    let mut length = MIN_LINE;
    // The stream is buffered: reading a byte is no system call.
    while line[length - 1] != b'\n' {
        let next = line.get_mut(length..=length).ok_or(ProxyError::Invalid)?;
        stream.read_exact(next).await?;
        length += 1;
    }
    version1(&line[..length]).ok_or(ProxyError::Invalid)
}

/// Reads a whole line of version 1, its end included; `Some(None)` when it names nobody, `None` when it is not valid.
pub fn version1(line: &[u8]) -> Option<Option<Addresses>> {
    if line.len() > MAX_LINE || line[..line.len().checked_sub(1)?].contains(&b'\n') {
        return None;
    }
    let text = std::str::from_utf8(line.strip_prefix(WORD)?.strip_suffix(b"\r\n")?).ok()?;
    let mut words = text.split(' ');
    let v6 = match words.next()? {
        // Whatever follows is to be ignored.
        "UNKNOWN" => return Some(None),
        "TCP4" => false,
        "TCP6" => true,
        _ => return None,
    };
    let mut address = || {
        let word = words.next()?;
        let address: IpAddr =
            if v6 { word.parse::<Ipv6Addr>().ok()?.into() } else { word.parse::<Ipv4Addr>().ok()?.into() };
        Some(address.to_canonical())
    };
    let (source, server) = (address()?, address()?);
    let (source_port, server_port) = (port(words.next()?)?, port(words.next()?)?);
    let end = words.next().is_none();
    end.then(|| {
        Some(Addresses {
            source: SocketAddr::new(source, source_port),
            server: SocketAddr::new(server, server_port),
        })
    })
}

/// Digits without a sign or a leading zero.
fn port(text: &str) -> Option<u16> {
    let plain = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
    if plain { text.parse().ok() } else { None }
}

fn rest_length(start: &[u8; FIXED]) -> usize {
    usize::from(u16::from_be_bytes([start[14], start[15]]))
}

/// Reads version 2: the fixed part and all that it says follows. The answer is that of [`version1`]. TLVs are skipped.
pub fn version2(start: &[u8; FIXED], rest: &[u8]) -> Option<Option<Addresses>> {
    if !start.starts_with(SIGNATURE) || rest_length(start) != rest.len() {
        return None;
    }
    let local = match start[12] {
        0x20 => true,
        0x21 => false,
        _ => return None,
    };
    let (family, transport) = (start[13] >> 4, start[13] & 0xf);
    let needed = match family {
        0 => 0,
        1 => 12,
        2 => 36,
        3 => 216,
        _ => return None,
    };
    if transport > 2 {
        return None;
    }
    if local {
        return Some(None);
    }
    let addresses = rest.get(..needed)?;
    let port = |at: usize| u16::from_be_bytes([addresses[at], addresses[at + 1]]);
    let v4 = |at: usize| <[u8; 4]>::try_from(&addresses[at..at + 4]).ok().map(IpAddr::from);
    let v6 = |at: usize| <[u8; 16]>::try_from(&addresses[at..at + 16]).ok().map(IpAddr::from);
    let (source, server, ports) = match (family, transport) {
        (1, 1) => (v4(0)?, v4(4)?, 8),
        (2, 1) => (v6(0)?, v6(16)?, 32),
        // A Unix socket, a datagram, or nothing that the balancer would name.
        _ => return Some(None),
    };
    Some(Some(Addresses {
        source: SocketAddr::new(source.to_canonical(), port(ports)),
        server: SocketAddr::new(server.to_canonical(), port(ports + 2)),
    }))
}

#[cfg(test)]
mod tests;
