use super::*;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVersion};
use proptest::prelude::*;
use std::io::{Read, Write};

fn parse(bytes: &[u8]) -> Hello {
    Scan::default().advance(bytes)
}

/// What a client of OpenSSL sends first.
#[derive(Default, Debug)]
struct Recorded(Vec<u8>);

impl Read for Recorded {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Recorded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hello(name: Option<&str>, version: Option<SslVersion>) -> Vec<u8> {
    let mut context = SslContext::builder(SslMethod::tls_client()).unwrap();
    context.set_max_proto_version(version).unwrap();
    let mut ssl = Ssl::new(&context.build()).unwrap();
    if let Some(name) = name {
        ssl.set_hostname(name).unwrap();
    }
    match ssl.connect(Recorded::default()) {
        Err(openssl::ssl::HandshakeError::WouldBlock(half)) => half.get_ref().0.clone(),
        other => panic!("{other:?}"),
    }
}

/// The same handshake in records of so many bytes.
fn cut(hello: &[u8], size: usize) -> Vec<u8> {
    let record = |piece: &[u8]| [&[22, 3, 1], &(piece.len() as u16).to_be_bytes()[..], piece].concat();
    hello[5..].chunks(size).flat_map(record).collect()
}

#[test]
fn the_name_is_read_as_openssl_writes_it() {
    for version in [None, Some(SslVersion::TLS1_2)] {
        for (sent, read) in
            [(Some("Shop.Example.test"), "shop.example.test"), (Some("a.test."), "a.test"), (None, "")]
        {
            assert_eq!(parse(&hello(sent, version)), Hello::Name(read.to_owned()), "{sent:?}");
        }
    }
}

#[test]
fn a_hello_in_many_records_has_the_same_name() {
    let whole = hello(Some("shop.example.test"), None);
    for size in [1, 2, 7, 100] {
        assert_eq!(parse(&cut(&whole, size)), Hello::Name("shop.example.test".to_owned()), "{size}");
    }
}

#[test]
fn every_beginning_of_a_hello_waits_for_more() {
    let whole = cut(&hello(Some("shop.example.test"), None), 50);
    let mut scan = Scan::default();
    for end in 0..whole.len() {
        assert_eq!(parse(&whole[..end]), Hello::Partial, "{end}");
        assert_eq!(scan.advance(&whole[..end]), Hello::Partial, "{end}, byte by byte");
    }
    assert_eq!(scan.advance(&whole), Hello::Name("shop.example.test".to_owned()));
}

#[test]
fn what_is_no_hello_is_left_to_the_library() {
    let whole = hello(Some("shop.example.test"), None);
    let mut two = whole.clone();
    two[5] = 2;
    for bytes in [&b"GET / HTTP/1.1\r\n"[..], &[22, 2], &[22, 3, 1, 0, 0], &[22, 3, 1, 0xff, 0xff], &two] {
        assert_eq!(parse(bytes), Hello::Unreadable, "{bytes:?}");
    }
    let huge = [&[22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff][..]].concat();
    assert_eq!(parse(&huge), Hello::Unreadable);
}

#[tokio::test]
async fn reading_is_bounded_and_gives_back_every_byte() {
    let whole = cut(&hello(Some("shop.example.test"), None), 3);
    let mut stream = &whole[..];
    assert_eq!(read(&mut stream).await.unwrap(), ("shop.example.test".to_owned(), whole.clone()));
    // A handshake of 32 thousand bytes, one byte a record, that never ends.
    let head = [22, 3, 1, 0, 4, 1, 0, 0x7f, 0xff];
    let endless = [&head[..], &[22, 3, 1, 0, 1, 0].repeat(40_000)].concat();
    let (name, bytes) = read(&mut &endless[..]).await.unwrap();
    assert!(name.is_empty() && bytes.len() <= MAX_READ + READ_SIZE, "{}", bytes.len());
    assert!(read(&mut &whole[..20]).await.is_err(), "the connection ended");
}

proptest! {
    #[test]
    fn whatever_is_changed_in_a_hello_is_read_or_refused(at in 0usize..400, byte: u8) {
        let mut bytes = hello(Some("shop.example.test"), Some(SslVersion::TLS1_2));
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Hello::Name(name) = parse(&bytes) {
            prop_assert!(name.len() <= MAX_NAME && !name.contains('\0'));
        }
    }
}
