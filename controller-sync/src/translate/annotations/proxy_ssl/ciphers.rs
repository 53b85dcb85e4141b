//! `proxy-ssl-ciphers`: from a cipher list of OpenSSL to the suites it stands for.
//!
//! OpenSSL does not tell which suites a list means, but it offers them: the list is read from a ClientHello that nobody
//! receives (RFC 5246 section 7.4.1.2).

use crate::translate::value::{Invalid, Parsed};
use openssl::ssl::{Ssl, SslContextBuilder, SslMethod, SslVersion};
use std::io::{self, Read, Write};

/// The longest list, in bytes.
const MAX_BYTES: usize = 4096;

/// TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746), which is offered and is no cipher.
const RENEGOTIATION: u16 = 0x00ff;

/// The suites of a list, sorted; `None` is any, which `DEFAULT` means.
pub(super) fn numbers(text: &str) -> Parsed<Option<Vec<u16>>> {
    if text == "DEFAULT" {
        return Ok(None);
    }
    // A security level would lower what keys and signatures must have at least, and the library takes no NUL.
    let plain = text.len() <= MAX_BYTES
        && !text.contains('@')
        && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let mut suites = if plain { offered(text).unwrap_or_default() } else { Vec::new() };
    suites.retain(|suite| *suite != RENEGOTIATION);
    suites.sort_unstable();
    if suites.is_empty() {
        let hint = "write names of OpenSSL with colons between them: ECDHE-RSA-AES128-GCM-SHA256:…";
        return Err(Invalid::new(text, "is not a cipher list", hint));
    }
    Ok(Some(suites))
}

fn offered(list: &str) -> Option<Vec<u16>> {
    let mut builder = SslContextBuilder::new(SslMethod::tls_client()).ok()?;
    builder.set_cipher_list(list).ok()?;
    builder.set_max_proto_version(Some(SslVersion::TLS1_2)).ok()?;
    let mut wire = Recorder(Vec::new());
    // It ends as soon as the answer of a server is wanted.
    let _ = Ssl::new(&builder.build()).ok()?.connect(&mut wire);
    suites(&wire.0)
}

/// The cipher suites of a ClientHello in one record.
fn suites(record: &[u8]) -> Option<Vec<u16>> {
    // Record header 5, handshake header 4, version 2, random 32, then the session ID with its length.
    let rest = record.get(5 + 4 + 2 + 32..)?;
    let rest = rest.get(1 + usize::from(*rest.first()?)..)?;
    let length = usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?]));
    let list = rest.get(2..2 + length)?;
    Some(list.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect())
}

/// Keeps what is written; there is never anything to read.
#[derive(Debug)]
struct Recorder(Vec<u8>);

impl Read for &mut Recorder {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for &mut Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_becomes_the_suites_it_stands_for() {
        assert_eq!(numbers("DEFAULT"), Ok(None));
        assert_eq!(numbers("ECDHE-RSA-AES128-GCM-SHA256"), Ok(Some(vec![0xc02f])));
        let two = numbers("ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256").unwrap().unwrap();
        assert_eq!(two, [0xc02b, 0xc030]);
        let many = numbers("HIGH:!aNULL:!MD5").unwrap().unwrap();
        assert!(many.len() > 10 && many.is_sorted() && !many.contains(&RENEGOTIATION), "{many:x?}");
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in ["NO-SUCH", "ALL:@SECLEVEL=0", "a\0b", "!ALL", &"A".repeat(5000)] {
            assert!(numbers(text).is_err(), "{text:.20}");
        }
    }
}
