//! `proxy-http-version`, `connection-proxy-header`, and how long connections to endpoints are kept.

use crate::support::backend::Backend;
use crate::support::echo::Echo;
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::http2;
use crate::support::manifest::{annotated, documents, service, site};
use bytes::Bytes;
use http::Method;
use std::io::Write as _;

/// Says which version it was spoken to.
fn versions() -> Backend {
    Backend::start(|request, stream| {
        let version = request.head.first.rsplit(' ').next().unwrap();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{version}")
    })
}

fn with(backend: &Backend, annotations: &[(&str, &str)]) -> Edge {
    Edge::with(documents([service("web", &[backend.address]), annotated("web", annotations).text()]))
}

#[test]
fn an_endpoint_that_wants_http_1_0_gets_it_where_http_1_0_can_say_it() {
    let backend = versions();
    let edge = with(&backend, &[("proxy-http-version", "1.0")]);
    let mut client = Connection::open(edge.http).unwrap();
    assert_eq!(client.get("web.test", "/").unwrap().text(), "HTTP/1.0");
    let seen = backend.last().head;
    assert_eq!((seen.header("connection"), seen.header("host")), (Some("close"), Some("web.test")));
    client.send("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 2\r\n\r\nok").unwrap();
    assert_eq!(client.response().unwrap().text(), "HTTP/1.0");
    assert_eq!(backend.last().body, b"ok");
    assert_eq!(backend.connections(), 2, "each request has its own");
    client
        .send("POST / HTTP/1.1\r\nHost: web.test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
        .unwrap();
    assert_eq!(client.response().unwrap().text(), "HTTP/1.1");
    assert_eq!(backend.last().body, b"ok", "HTTP/1.0 has no chunks");
    http2::run(async {
        let mut client = http2::connect(edge.https, "web.test").await;
        assert_eq!(client.get("web.test", "/").await.unwrap().text(), "HTTP/1.0");
        let head = http2::request(Method::POST, "web.test", "/").body(()).unwrap();
        let answer = client.send(head, Some(Bytes::from_static(b"of unknown length"))).await.unwrap();
        assert_eq!(answer.text(), "HTTP/1.1");
        assert_eq!(backend.last().body, b"of unknown length");
    });
}

#[test]
fn an_answer_of_http_1_0_ends_with_its_connection() {
    let old = Backend::start(|_, stream| {
        stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold")?;
        Err(std::io::ErrorKind::ConnectionAborted.into())
    });
    let edge = with(&old, &[("proxy-http-version", "1.0")]);
    assert_eq!((edge.ask("web.test", "/"), edge.ask("web.test", "/")), ("old".into(), "old".into()));
}

#[test]
fn the_config_map_speaks_for_ingresses_that_say_nothing() {
    let backend = versions();
    let sites = [annotated("plain", &[]), annotated("new", &[("proxy-http-version", "1.1")])];
    let text =
        documents([service("web", &[backend.address])].into_iter().chain(sites.map(|site| site.text())));
    let edge = Edge::configured(text, &[("proxy-http-version", "1.0")]);
    assert_eq!(
        (edge.ask("plain.test", "/"), edge.ask("new.test", "/")),
        ("HTTP/1.0".into(), "HTTP/1.1".into())
    );
    edge.configure(&[], "/proxy/proxy_http_version", "Http11");
    assert_eq!(edge.ask("plain.test", "/"), "HTTP/1.1");
}

#[test]
fn an_endpoint_sees_the_connection_header_that_its_ingress_says() {
    let backend = Backend::named("web");
    for (value, connections) in [("close", 3), ("keep-alive", 1)] {
        let before = backend.connections();
        let edge = with(&backend, &[("connection-proxy-header", value)]);
        let mut client = Connection::open(edge.http).unwrap();
        for _ in 0..3 {
            assert_eq!(client.get("web.test", "/").unwrap().status, 200);
            assert_eq!(backend.last().head.header("connection"), Some(value));
        }
        assert_eq!(backend.connections() - before, connections, "{value}");
    }
    let edge = with(&backend, &[("connection-proxy-header", "upgrade")]);
    assert_eq!(edge.get("web.test", "/").status, 404, "a bad value rejects the Ingress");
}

#[test]
fn a_websocket_opens_whatever_the_connection_header_says() {
    let echo = Echo::start("chat");
    let site = annotated("web", &[("connection-proxy-header", "close"), ("proxy-http-version", "1.0")]);
    let edge = Edge::with(documents([service("web", &[echo.address]), site.text()]));
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send(
            "GET /chat HTTP/1.1\r\nHost: web.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .unwrap();
    assert_eq!(connection.response().unwrap().status, 101);
}

#[test]
fn a_connection_to_an_endpoint_carries_as_many_requests_as_the_config_map_says() {
    let backend = Backend::named("web");
    let edge =
        Edge::configured(site("a.test", "web", backend.address), &[("upstream-keepalive-requests", "3")]);
    // One client connection stays on one core, which has one pool.
    let mut client = Connection::open(edge.http).unwrap();
    let said: Vec<_> = (0..7)
        .map(|_| {
            client.get("a.test", "/").unwrap();
            backend.last().head.header("connection").map(str::to_owned)
        })
        .collect();
    let last = Some("close".to_owned());
    assert_eq!(said, [None, None, last.clone(), None, None, last, None]);
    assert_eq!(backend.connections(), 3);
    edge.configure(&[("upstream-keepalive-requests", "0")], "/proxy/upstream_keepalive_requests", 0);
    (0..10).for_each(|_| drop(client.get("a.test", "/").unwrap()));
    assert_eq!(backend.connections(), 3, "no limit");
}

#[test]
fn no_connection_to_an_endpoint_is_kept_where_the_config_map_wants_none() {
    let backend = Backend::named("web");
    let edge =
        Edge::configured(site("a.test", "web", backend.address), &[("upstream-keepalive-connections", "0")]);
    let mut client = Connection::open(edge.http).unwrap();
    for count in 1..4 {
        client.get("a.test", "/").unwrap();
        assert_eq!(backend.last().head.header("connection"), Some("close"));
        assert_eq!(backend.connections(), count);
    }
}

#[test]
fn a_core_keeps_as_many_idle_connections_as_the_config_map_said_when_the_gateway_started() {
    let backends = [Backend::named("one"), Backend::named("two")];
    let sites = backends.iter().zip(["one", "two"]);
    let text = documents(sites.map(|(backend, name)| site(&format!("{name}.test"), name, backend.address)));
    let edge = Edge::configured(text, &[("upstream-keepalive-connections", "1")]);
    let mut client = Connection::open(edge.http).unwrap();
    for _ in 0..3 {
        client.get("one.test", "/").unwrap();
        client.get("two.test", "/").unwrap();
    }
    let made: usize = backends.iter().map(Backend::connections).sum();
    assert_eq!(made, 6, "each pushes the other out");
}
