//! Who the client is: PROXY headers, forwarded headers, and whom the gateway believes.

use crate::support::backend::{Backend, Received};
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::http2;
use crate::support::manifest::site;
use crate::support::tls::offer;
use crate::support::until;
use openssl::ssl::SslStream;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::pin::Pin;
use std::time::Duration;

/// A gateway and its backend.
struct Bench {
    edge: Edge,
    backend: Backend,
}

/// A site with these keys in the ConfigMap.
fn bench(keys: &[(&str, &str)]) -> Bench {
    let backend = Backend::named("web");
    Bench { edge: Edge::configured(site("a.test", "web", backend.address), keys), backend }
}

const FORWARDED: (&str, &str) = ("use-forwarded-headers", "true");
const PROXIED: (&str, &str) = ("use-proxy-protocol", "true");

impl Bench {
    /// Sends one request with further header lines and answers what the upstream got.
    fn ask(&self, target: &str, lines: &str) -> Received {
        self.ask_behind("", target, lines)
    }

    /// The same behind a PROXY header.
    fn ask_behind(&self, proxy: impl AsRef<[u8]>, target: &str, lines: &str) -> Received {
        let mut connection = Connection::open(self.edge.http).unwrap();
        connection.send(proxy).unwrap();
        connection.send(format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n")).unwrap();
        assert_eq!(connection.response().unwrap().status, 200);
        self.backend.last()
    }

    fn dropped(&self) -> u64 {
        let page = self.edge.admin("/metrics").text();
        let line = page.lines().find(|line| line.starts_with("ingora_gateway_proxy_headers_failed_total"));
        line.unwrap().split(' ').nth(1).unwrap().parse().unwrap()
    }
}

#[track_caller]
fn assert_headers(received: &Received, wanted: &[(&str, &str)]) {
    for (name, value) in wanted {
        let want: &[&str] = if value.is_empty() { &[] } else { &[value] };
        assert_eq!(received.head.all(name), want, "{name}");
    }
}

const CLAIMS: &str = "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Host: myhost, other\r\nX-Forwarded-Proto: myproto\r\n\
    X-Forwarded-Port: 1234\r\n";

#[test]
fn a_trusted_neighbour_says_for_whom_it_asks_and_how() {
    let bench = bench(&[FORWARDED]);
    assert_headers(
        &bench.ask("/trusted", CLAIMS),
        &[
            ("host", "myhost"),
            ("x-real-ip", "1.2.3.4"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-host", "myhost"),
            ("x-forwarded-port", "1234"),
            ("x-forwarded-proto", "myproto"),
            ("x-forwarded-scheme", "myproto"),
            ("x-scheme", "myproto"),
            ("x-original-forwarded-for", "1.2.3.4"),
            ("x-original-forwarded-host", "myhost, other"),
        ],
    );
    assert_eq!(bench.edge.logged("/trusted")["client"], "1.2.3.4", "the log agrees");
    let plain = [("host", "a.test"), ("x-real-ip", "127.0.0.1"), ("x-forwarded-proto", "http")];
    assert_headers(&bench.ask("/", ""), &plain);
}

#[test]
fn a_stranger_says_nothing() {
    let bench = bench(&[FORWARDED, ("proxy-real-ip-cidr", "10.0.0.0/8")]);
    assert_headers(
        &bench.ask("/stranger", CLAIMS),
        &[
            ("host", "a.test"),
            ("x-real-ip", "127.0.0.1"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-host", "a.test"),
            ("x-forwarded-port", "80"),
            ("x-forwarded-proto", "http"),
            ("x-original-forwarded-for", "1.2.3.4"),
        ],
    );
    assert_eq!(bench.edge.logged("/stranger")["client"], "127.0.0.1");
}

#[test]
fn enable_real_ip_is_about_the_address_alone() {
    let bench = bench(&[("enable-real-ip", "true")]);
    assert_headers(
        &bench.ask("/", CLAIMS),
        &[
            ("host", "a.test"),
            ("x-real-ip", "1.2.3.4"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-host", "a.test"),
            ("x-forwarded-port", "80"),
            ("x-forwarded-proto", "http"),
        ],
    );
}

#[test]
fn the_chain_is_walked_to_the_last_stranger_and_kept_if_asked_for() {
    let bench = bench(&[
        FORWARDED,
        ("proxy-real-ip-cidr", "127.0.0.0/8,10.0.0.0/8"),
        ("compute-full-forwarded-for", "true"),
    ]);
    let received = bench.ask("/", "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\nX-Forwarded-For: 10.0.0.7\r\n");
    let chain = "6.6.6.6, 1.2.3.4, 10.0.0.7, 127.0.0.1";
    assert_headers(&received, &[("x-real-ip", "1.2.3.4"), ("x-forwarded-for", chain)]);
    assert_headers(&bench.ask("/", ""), &[("x-forwarded-for", "127.0.0.1")]);
}

#[test]
fn another_header_may_name_the_client() {
    let bench = bench(&[FORWARDED, ("forwarded-for-header", "CF-Connecting-IP")]);
    let received = bench.ask("/", "CF-Connecting-IP: 1.2.3.4\r\nX-Forwarded-For: 6.6.6.6\r\n");
    assert_headers(
        &received,
        &[("x-real-ip", "1.2.3.4"), ("x-forwarded-for", "1.2.3.4"), ("x-original-forwarded-for", "1.2.3.4")],
    );
}

const V1: &str = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 8080\r\n";

fn version2(family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[0x21, family], &length, rest].concat()
}

#[test]
fn a_proxy_header_names_the_client_on_clear_text() {
    let bench = bench(&[PROXIED]);
    let named = [("x-real-ip", "192.0.2.7"), ("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "http")];
    let received = bench.ask_behind(V1, "/v1", "X-Forwarded-For: 1.2.3.4\r\n");
    assert_headers(&received, &named);
    assert_headers(&received, &[("x-forwarded-port", "8080"), ("x-original-forwarded-for", "1.2.3.4")]);
    assert_eq!(bench.edge.logged("/v1")["client"], "192.0.2.7");
    let tlvs = [192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 4, 0, 80, 4, 0, 2, 9, 9];
    assert_headers(&bench.ask_behind(version2(0x11, &tlvs), "/", ""), &named);
    let v6 = "PROXY TCP6 2001:db8::7 2001:db8::1 1 80\r\n";
    assert_headers(&bench.ask_behind(v6, "/", ""), &[("x-real-ip", "2001:db8::7")]);
    for nobody in [b"PROXY UNKNOWN\r\n".to_vec(), version2(0, &[])] {
        let received = bench.ask_behind(nobody, "/", "");
        assert_headers(&received, &[("x-real-ip", "127.0.0.1"), ("x-forwarded-port", "80")]);
    }
}

#[test]
fn port_443_in_a_proxy_header_means_that_tls_ended_before() {
    let bench = bench(&[PROXIED]);
    let received = bench.ask_behind("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n", "/", "");
    let https = [("x-forwarded-proto", "https"), ("x-scheme", "https"), ("x-forwarded-port", "443")];
    assert_headers(&received, &https);
}

#[test]
fn every_request_of_a_connection_has_the_client_of_its_proxy_header() {
    let bench = bench(&[PROXIED]);
    let mut connection = Connection::open(bench.edge.http).unwrap();
    connection.send(V1).unwrap();
    for _ in 0..3 {
        assert_eq!(connection.get("a.test", "/").unwrap().status, 200);
        assert_headers(&bench.backend.last(), &[("x-real-ip", "192.0.2.7")]);
    }
}

#[test]
fn a_proxy_header_comes_before_tls() {
    let bench = bench(&[PROXIED]);
    let mut tcp = TcpStream::connect(bench.edge.https).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    tcp.write_all(V1.as_bytes()).unwrap();
    let mut stream = SslStream::new(offer("a.test").bare(), tcp).unwrap();
    stream.connect().unwrap();
    assert_eq!(Connection::over(stream).get("a.test", "/").unwrap().status, 200);
    let https = [("x-real-ip", "192.0.2.7"), ("x-forwarded-proto", "https")];
    assert_headers(&bench.backend.last(), &https);
}

#[test]
fn a_proxy_header_comes_before_http2() {
    let bench = bench(&[PROXIED]);
    http2::run(async {
        use tokio::io::AsyncWriteExt as _;
        let mut tcp = tokio::net::TcpStream::connect(bench.edge.https).await.unwrap();
        tcp.write_all(V1.as_bytes()).await.unwrap();
        let mut offer = offer("a.test");
        offer.alpn = vec!["h2"];
        let mut stream = pingora::tls::tokio_ssl::SslStream::new(offer.bare(), tcp).unwrap();
        Pin::new(&mut stream).connect().await.unwrap();
        let (send, connection) = h2::client::handshake(stream).await.unwrap();
        let mut client = http2::Http2 { send, driver: tokio::spawn(connection) };
        for _ in 0..2 {
            assert_eq!(client.get("a.test", "/").await.unwrap().status, 200);
            assert_headers(&bench.backend.last(), &[("x-real-ip", "192.0.2.7")]);
        }
    });
}

#[test]
fn a_connection_without_a_valid_proxy_header_is_dropped() {
    let bench = bench(&[PROXIED, ("proxy-protocol-header-timeout", "1s")]);
    let plain = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let broken = format!("PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n{plain}");
    for (name, bytes) in [("none", plain), ("a broken one", broken.as_str()), ("half a one", "PROXY TCP4 19")]
    {
        let mut connection = Connection::open(bench.edge.http).unwrap();
        connection.send(bytes).unwrap();
        assert!(connection.is_closed(), "{name}");
    }
    assert!(offer("a.test").connect(bench.edge.https).is_err(), "TLS without a header");
    let mut silent = TcpStream::connect(bench.edge.http).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0, "silence has a deadline");
    until("all five are counted", || bench.dropped() == 5);
    assert_eq!(bench.backend.received().len(), 0, "nothing of it was forwarded");
}

#[test]
fn a_stranger_must_send_a_proxy_header_too_but_it_does_not_count() {
    let bench = bench(&[PROXIED, ("proxy-real-ip-cidr", "10.0.0.0/8")]);
    let received = bench.ask_behind("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n", "/", "");
    let own = [("x-real-ip", "127.0.0.1"), ("x-forwarded-port", "80"), ("x-forwarded-proto", "http")];
    assert_headers(&received, &own);
}

#[test]
fn with_both_the_proxy_header_names_the_neighbour_whose_headers_count_if_it_is_trusted() {
    let bench = bench(&[PROXIED, FORWARDED, ("proxy-real-ip-cidr", "127.0.0.0/8,192.0.2.0/24")]);
    assert_headers(&bench.ask_behind(V1, "/", CLAIMS), &[("x-real-ip", "1.2.3.4"), ("host", "myhost")]);
    let stranger = V1.replace("192.0.2.7", "203.0.113.5");
    let received = bench.ask_behind(stranger, "/", CLAIMS);
    assert_headers(&received, &[("x-real-ip", "203.0.113.5"), ("host", "a.test")]);
}
