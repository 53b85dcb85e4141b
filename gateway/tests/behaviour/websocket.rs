//! WebSocket through the gateway.

use crate::support::backend::Backend;
use crate::support::echo::Echo;
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::site;
use crate::support::tls::offer;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocket};
use tokio_tungstenite::tungstenite::{self, client};

fn open(edge: &Edge) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(edge.http).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client("ws://a.test/chat?room=1", stream).unwrap_or_else(|error| panic!("the upgrade fails: {error}")).0
}

#[test]
fn two_hundred_upgrades_in_a_row_succeed_against_an_upstream_that_answers_at_once() {
    let echo = Echo::start("chat");
    let edge = Edge::with(site("a.test", "chat", echo.address));
    for at in 0..200 {
        let mut socket = open(&edge);
        socket.send(Message::text(format!("message {at}"))).unwrap();
        let answer = socket.read().unwrap_or_else(|error| panic!("upgrade {at}: {error}"));
        assert_eq!(answer, Message::text(format!("message {at}")), "upgrade {at}");
    }
}

#[test]
fn messages_of_any_size_pass_both_ways_and_close_is_passed_on() {
    let echo = Echo::start("chat");
    let edge = Edge::with(site("a.test", "chat", echo.address));
    let mut socket = open(&edge);
    for size in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        let message = Message::binary(vec![7; size]);
        socket.send(message.clone()).unwrap();
        assert_eq!(socket.read().unwrap(), message, "{size} bytes");
    }
    socket.close(None).unwrap();
    let end = loop {
        match socket.read() {
            Ok(message) => assert!(message.is_close(), "{message}"),
            Err(error) => break error,
        }
    };
    assert!(matches!(end, tungstenite::Error::ConnectionClosed), "{end}");
}

#[test]
fn the_upstream_gets_an_upgrade_and_the_same_headers_as_any_request() {
    let backend = Backend::start(|_, stream| {
        stream.write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello",
        )
    });
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = offer("a.test").connect(edge.https).unwrap().http1();
    connection
        .send(
            "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
        )
        .unwrap();
    assert_eq!(connection.response().unwrap().status, 101);
    assert_eq!(connection.exactly(5).unwrap(), b"hello", "bytes that come with the 101 are not lost");
    let head = backend.last().head;
    assert_eq!(head.header("upgrade"), Some("websocket"));
    assert!(head.header("connection").unwrap().eq_ignore_ascii_case("upgrade"));
    assert_eq!(head.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(head.header("x-forwarded-proto"), Some("https"));
    assert!(head.header("sec-websocket-key").is_some());
}

const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[test]
fn an_upstream_that_declines_answers_like_any_other() {
    let backend = Backend::saying("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send(UPGRADE).unwrap();
    let answer = connection.response().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (403, "no"));
}

#[test]
fn only_101_switches_protocols() {
    // An upstream that says 200 with Upgrade must not open a tunnel to it (Envoy's CVE-2024-23326).
    let backend = Backend::saying(
        "HTTP/1.1 200 OK\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nok",
    );
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send(UPGRADE).unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
    if connection.send("GET /smuggled HTTP/1.1\r\nHost: unknown.test\r\n\r\n").is_ok()
        && let Ok(answer) = connection.response()
    {
        assert_eq!(
            answer.status, 404,
            "what follows is a request to the gateway, not bytes for the upstream"
        );
    }
    assert_eq!(backend.received().len(), 1);
}

#[test]
fn an_upgrade_to_anything_else_is_not_forwarded() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    for protocol in ["h2c", "foo", "TLS/1.0"] {
        let mut connection = Connection::open(edge.http).unwrap();
        connection
            .send(format!(
                "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\n\
                 HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
            ))
            .unwrap();
        assert_eq!(connection.response().unwrap().status, 200, "{protocol}");
        assert_eq!(backend.last().head.header("upgrade"), None, "{protocol}");
        assert_eq!(backend.last().head.header("http2-settings"), None, "{protocol}");
    }
}
