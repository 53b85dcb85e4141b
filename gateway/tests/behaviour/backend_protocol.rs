//! `backend-protocol`: HTTP, HTTPS, AUTO_HTTP; gRPC has a module of its own.

use crate::support::backend::Backend;
use crate::support::certificates::{KeyKind, Pair, make};
use crate::support::echo::Echo;
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::{documents, h2c_service, ingress, service};
use crate::support::tls::offer;
use crate::support::tls_backend::TlsBackend;
use openssl::ssl::SslVersion;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

pub(crate) const PROTOCOL: &str = "nginx.ingress.kubernetes.io/backend-protocol";
const NO_REDIRECT: &str = "nginx.ingress.kubernetes.io/ssl-redirect";

fn pair() -> Pair {
    make("whoever", &["whoever.test"], KeyKind::Ecdsa, 30)
}

fn site(protocol: &str, address: SocketAddr) -> String {
    let site = ingress("site").annotation(PROTOCOL, protocol).annotation(NO_REDIRECT, "false");
    documents([service("web", &[address]), site.path("a.test", "Prefix", "/", "web").text()])
}

#[test]
fn an_https_backend_is_reached_whatever_its_certificate_and_without_a_server_name() {
    let backend = TlsBackend::named("secure", &pair());
    let edge = Edge::with(site("https", backend.address));
    for _ in 0..3 {
        assert_eq!(edge.ask("a.test", "/p?q=1"), "secure");
    }
    let seen = backend.last();
    assert_eq!((&*seen.version, seen.server_name, seen.client), ("TLSv1.3", None, None));
    assert_eq!(seen.head.first, "GET /p?q=1 HTTP/1.1");
    assert_eq!(seen.head.header("host"), Some("a.test"));
    assert_eq!(seen.head.header("x-forwarded-proto"), Some("http"), "it is the client's, not the backend's");
    assert!(backend.handshakes() <= 2, "connections are kept, one per core at most");
    let answer = offer("a.test").connect(edge.https).unwrap().http1().get("a.test", "/").unwrap();
    assert_eq!(answer.text(), "secure");
    assert_eq!(backend.last().head.header("x-forwarded-proto"), Some("https"));
}

#[test]
fn auto_http_follows_the_scheme_of_the_client() {
    let backend = TlsBackend::named("both", &pair());
    let edge = Edge::with(site("AUTO_HTTP", backend.address));
    for _ in 0..3 {
        assert_eq!(edge.ask("a.test", "/"), "both");
        assert_eq!(backend.last().version, "clear");
        let answer = offer("a.test").connect(edge.https).unwrap().http1().get("a.test", "/").unwrap();
        assert_eq!(answer.text(), "both");
        assert_eq!(backend.last().version, "TLSv1.3");
    }
}

#[test]
fn one_endpoint_is_spoken_to_in_clear_text_and_over_tls_by_two_routes() {
    let backend = TlsBackend::named("web", &pair());
    let path = |name: &str, path: &str| ingress(name).path("a.test", "Prefix", path, "web");
    let edge = Edge::with(documents([
        service("web", &[backend.address]),
        path("plain", "/plain").text(),
        path("secure", "/secure").annotation(PROTOCOL, "HTTPS").text(),
    ]));
    for _ in 0..4 {
        for (target, version) in [("/plain", "clear"), ("/secure", "TLSv1.3")] {
            assert_eq!(edge.ask("a.test", target), "web");
            let seen = backend.last();
            assert_eq!((seen.version.as_str(), seen.head.first.contains(target)), (version, true));
        }
    }
}

#[test]
fn the_annotation_goes_before_the_app_protocol_of_the_service() {
    let backend = Backend::named("one");
    let edge = Edge::with(documents([
        h2c_service("web", backend.address),
        ingress("site").annotation(PROTOCOL, "HTTP").path("a.test", "Prefix", "/", "web").text(),
    ]));
    assert_eq!(edge.ask("a.test", "/"), "one");
    assert!(backend.last().head.first.ends_with("HTTP/1.1"));

    let echo = Echo::start("two");
    let edge = Edge::with(site("GRPC", echo.address));
    let report: serde_json::Value = serde_json::from_slice(&edge.get("a.test", "/x").body).unwrap();
    assert_eq!((&report["version"], &report["path"]), (&"HTTP/2.0".into(), &"/x".into()));
}

#[test]
fn an_unknown_word_is_http_and_fastcgi_is_not_served() {
    let backend = Backend::named("plain");
    let edge = Edge::with(site("HTTP3", backend.address));
    assert_eq!(edge.ask("a.test", "/"), "plain");
    let edge = Edge::with(site("fcgi", backend.address));
    assert_eq!(edge.ask("a.test", "/"), "404");
    assert_eq!(backend.received().len(), 1);
}

#[test]
fn a_backend_without_tls_or_with_an_old_one_is_a_bad_gateway() {
    let plain = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let edge = Edge::with(site("HTTPS", plain.local_addr().unwrap()));
    std::thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    assert_eq!(edge.ask("a.test", "/plain"), "502");
    assert_eq!(edge.logged("/plain")["reason"], "connect_failed");

    let old = TlsBackend::configured("old", &pair(), |tls| {
        tls.set_security_level(0);
        tls.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
        tls.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
        tls.set_max_proto_version(Some(SslVersion::TLS1_1)).unwrap();
        tls.clear_options(openssl::ssl::SslOptions::NO_TLSV1 | openssl::ssl::SslOptions::NO_TLSV1_1);
    });
    let edge = Edge::with(site("HTTPS", old.address));
    assert_eq!(edge.ask("a.test", "/old"), "502");
    assert!(old.seen().is_empty(), "nothing is sent over TLS 1.1");
}

#[test]
fn a_websocket_reaches_an_https_backend() {
    let backend = TlsBackend::named("chat", &pair());
    let edge = Edge::with(site("HTTPS", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send(
            "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .unwrap();
    assert_eq!(connection.response().unwrap().status, 101);
    for size in [1, 1000, 100_000] {
        let message = vec![b'x'; size];
        connection.send(&message).unwrap();
        assert_eq!(connection.exactly(size).unwrap(), message);
    }
    assert_eq!(backend.last().version, "TLSv1.3");
}
