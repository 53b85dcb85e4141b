//! HTTP/2 floods: each is ended with GOAWAY, bounded in memory, and nobody else notices.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http2::{self, frames, request};
use crate::support::manifest::site;
use crate::support::tls::{Offer, offer};
use http::Method;
use openssl::ssl::SslStream;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A connection that sends frames as they are and keeps everything it gets.
struct Attack {
    stream: SslStream<TcpStream>,
    got: Vec<u8>,
    closed: bool,
}

impl Attack {
    fn start(edge: &Edge) -> Self {
        let offer = Offer { alpn: vec!["h2"], ..offer("a.test") };
        let stream = offer.connect(edge.https).unwrap().stream;
        let mut attack = Self { stream, got: Vec::new(), closed: false };
        attack.send(&frames::preface());
        attack
    }

    /// Writes, and reads what is there, so that neither side waits for the other.
    fn send(&mut self, bytes: &[u8]) {
        self.closed |= self.stream.write_all(bytes).is_err();
        self.read(Duration::from_millis(1));
    }

    fn read(&mut self, patience: Duration) {
        self.stream.get_ref().set_read_timeout(Some(patience)).unwrap();
        let mut piece = [0; 64 * 1024];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => self.closed = true,
                Ok(count) => {
                    self.got.extend_from_slice(&piece[..count]);
                    continue;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => self.closed = true,
            }
            return;
        }
    }

    /// Repeats `step` until the gateway ends the connection; says how often that took.
    #[track_caller]
    fn until_ended(mut self, limit: usize, mut step: impl FnMut(usize) -> Vec<u8>) -> usize {
        for at in 0..limit {
            self.send(&step(at));
            if self.closed || frames::goaway(&self.got).is_some() {
                return at;
            }
        }
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(5) {
            self.read(Duration::from_millis(100));
            if self.closed || frames::goaway(&self.got).is_some() {
                return limit;
            }
        }
        panic!("the connection survives {limit} repetitions");
    }
}

fn edge() -> (Edge, Backend) {
    let backend = Backend::named("web");
    (Edge::with(site("a.test", "web", backend.address)), backend)
}

/// The gateway is the same process, small, and serves others.
#[track_caller]
fn assert_unharmed(edge: &mut Edge) {
    assert_eq!(edge.gateway.exit_status(), None, "the gateway must live");
    assert_eq!(edge.ask("a.test", "/"), "web");
    let resident = edge.gateway.resident_bytes() >> 20;
    assert!(resident < 200, "{resident} MiB");
}

#[test]
fn rapid_reset_is_ended() {
    let (mut edge, backend) = edge();
    // A hundred streams at a time, opened and cancelled (CVE-2023-44487).
    let batch = |at: usize| {
        let streams = (at * 100..at * 100 + 100).map(|n| (n * 2 + 1) as u32);
        streams.flat_map(|stream| [frames::get(stream, "a.test"), frames::reset(stream)].concat()).collect()
    };
    Attack::start(&edge).until_ended(200, batch);
    assert!(backend.received().len() < 5000, "{} requests reached the upstream", backend.received().len());
    assert_unharmed(&mut edge);
}

#[test]
fn more_streams_than_announced_are_refused() {
    let (mut edge, _backend) = edge();
    // HEADERS without END_STREAM: every stream stays open.
    let open = |at: usize| frames::frame(1, 0x4, (at * 2 + 1) as u32, &frames::get_block("a.test"));
    let mut attack = Attack::start(&edge);
    let burst: Vec<u8> = (0..129).flat_map(open).collect();
    attack.send(&burst);
    attack.read(Duration::from_millis(300));
    let refused = attack.got.windows(4).any(|window| window == 7_u32.to_be_bytes());
    assert!(refused || attack.closed, "the 129th stream must be refused (REFUSED_STREAM is 7)");
    Attack::start(&edge).until_ended(5000, open);
    assert_unharmed(&mut edge);
}

#[test]
fn a_flood_of_continuation_frames_is_ended() {
    let (mut edge, _backend) = edge();
    // Literal fields of 1 KB, never the end of the header.
    let field = [&[0x00, 1, b'x', 0x7f, 0x81, 0x07][..], &[b'y'; 1024]].concat();
    let frames_sent = Attack::start(&edge).until_ended(5000, |at| match at {
        0 => frames::frame(1, 0x1, 1, &frames::get_block("a.test")),
        _ => frames::frame(9, 0, 1, &field),
    });
    assert!(frames_sent < 1000, "{frames_sent} frames of 1 KB were taken");
    assert_unharmed(&mut edge);
}

#[test]
fn empty_continuation_frames_are_ended() {
    let (mut edge, _backend) = edge();
    Attack::start(&edge).until_ended(200_000, |at| match at {
        0 => frames::frame(1, 0x1, 1, &frames::get_block("a.test")),
        _ => frames::frame(9, 0, 1, &[]).repeat(100),
    });
    assert_unharmed(&mut edge);
}

#[test]
fn a_flood_of_empty_data_is_ended() {
    let (mut edge, _backend) = edge();
    Attack::start(&edge).until_ended(20_000, |at| match at {
        0 => frames::frame(1, 0x4, 1, &frames::get_block("a.test")),
        _ => frames::frame(0, 0, 1, &[]).repeat(50),
    });
    assert_unharmed(&mut edge);
}

#[test]
fn a_flood_of_resets_provoked_by_us_is_ended() {
    let (mut edge, _backend) = edge();
    // WINDOW_UPDATE by 0 is a stream error: the gateway resets the stream itself (CVE-2025-8671).
    Attack::start(&edge).until_ended(2000, |at| {
        let stream = (at * 2 + 1) as u32;
        [frames::get(stream, "a.test"), frames::frame(8, 0, stream, &[0; 4])].concat()
    });
    assert_unharmed(&mut edge);
}

#[test]
fn headers_beyond_the_limit_are_refused_and_the_others_of_the_connection_served() {
    let (mut edge, backend) = edge();
    http2::run(async {
        let mut client = http2::connect(edge.https, "a.test").await;
        assert_eq!(client.get("a.test", "/").await.unwrap().status, 200);
        let mut head = request(Method::GET, "a.test", "/large");
        for at in 0..40 {
            head = head.header(format!("x-{at}"), "v".repeat(4000));
        }
        let answer = client.send(head.body(()).unwrap(), None).await;
        assert!(answer.as_ref().map_or(true, |answer| answer.status == 431), "{answer:?}");
        assert!(backend.received().iter().all(|received| received.target() != "/large"));
    });
    assert_unharmed(&mut edge);
}

/// A name and its value.
type Field = (&'static [u8], &'static [u8]);

/// HEADERS with further literal fields, names and values as they are.
fn get_with(stream: u32, fields: &[Field]) -> Vec<u8> {
    let mut block = frames::get_block("a.test");
    for (name, value) in fields {
        block.extend_from_slice(&[&[0x00, name.len() as u8], *name, &[value.len() as u8], value].concat());
    }
    frames::frame(1, 0x5, stream, &block)
}

#[test]
fn what_would_be_ambiguous_in_http1_is_not_forwarded() {
    let (mut edge, backend) = edge();
    let cases: [(&str, &[Field]); 9] = [
        ("a line end in a value", &[(b"x", b"a\r\nY: b")]),
        ("NUL in a value", &[(b"x", b"a\0b")]),
        ("upper case in a name", &[(b"X", b"a")]),
        ("a colon in a name", &[(b"x:y", b"a")]),
        ("a space in a name", &[(b"x y", b"a")]),
        ("Transfer-Encoding", &[(b"transfer-encoding", b"chunked")]),
        ("Connection", &[(b"connection", b"x-forwarded-for")]),
        ("a Host that disagrees", &[(b"host", b"b.test")]),
        ("a Content-Length without content", &[(b"content-length", b"5")]),
    ];
    for (name, fields) in cases {
        backend.received().clear();
        let mut attack = Attack::start(&edge);
        attack.send(&get_with(1, fields));
        attack.read(Duration::from_millis(200));
        assert!(attack.closed || attack.got.len() > 40, "{name}: some answer or reset comes");
        let received: Vec<_> = backend.received().iter().map(|received| received.head.clone()).collect();
        assert!(received.is_empty(), "{name}: forwarded {received:?}");
    }
    assert_unharmed(&mut edge);
}
