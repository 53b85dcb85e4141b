//! What the gateway answers itself: the status, a small page, and the reason in the access log.

use crate::support::backend::{Backend, refusing_address};
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::{bare_service, documents, ingress, service};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};

fn edge_to(address: SocketAddr) -> Edge {
    Edge::with(documents([
        service("web", &[address]),
        bare_service("empty"),
        ingress("web")
            .path("a.test", "Prefix", "/web", "web")
            .path("a.test", "Prefix", "/empty", "empty")
            .path("a.test", "Prefix", "/missing", "missing")
            .backend(
                "a.test",
                "Prefix",
                "/resource",
                "resource: { apiGroup: example.test, kind: Bucket, name: assets }",
            )
            .text(),
    ]))
}

#[track_caller]
fn assert_answer(edge: &Edge, host: &str, path: &str, status: u16, title: &str, reason: &str) {
    let answer = edge.get(host, path);
    assert_eq!(answer.status, status, "{path}");
    assert!(answer.text().contains(&format!("{status} {title}")), "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/html"));
    let line = edge.logged(path);
    assert_eq!((&line["status"], &line["reason"]), (&status.into(), &reason.into()), "{line}");
}

#[test]
fn each_way_of_having_no_backend_has_its_status_and_reason() {
    let backend = Backend::named("web");
    let edge = edge_to(backend.address);
    assert_answer(&edge, "unknown.test", "/unknown-host", 404, "Not Found", "no_route");
    assert_answer(&edge, "a.test", "/unknown-path", 404, "Not Found", "no_route");
    assert_answer(&edge, "a.test", "/resource", 404, "Not Found", "backend_unsupported");
    assert_answer(&edge, "a.test", "/empty", 503, "Service Temporarily Unavailable", "no_endpoints");
    assert_answer(&edge, "a.test", "/missing", 503, "Service Temporarily Unavailable", "no_endpoints");
    assert_eq!(edge.ask("a.test", "/web"), "web");
    let line = edge.logged("/web");
    assert!(line["reason"].is_null() || line["reason"] == "", "a proxied answer has no reason: {line}");
}

#[test]
fn a_refused_connection_is_502() {
    let edge = edge_to(refusing_address());
    assert_answer(&edge, "a.test", "/web", 502, "Bad Gateway", "connect_failed");
}

#[test]
fn an_upstream_that_breaks_off_or_talks_nonsense_is_502() {
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-", "nonsense\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"] {
        let backend = Backend::start(move |_, stream| {
            stream.write_all(answer.as_bytes())?;
            Err(std::io::Error::other("close"))
        });
        let edge = edge_to(backend.address);
        assert_answer(&edge, "a.test", "/web", 502, "Bad Gateway", "upstream_broken");
    }
}

#[test]
fn a_broken_body_is_never_passed_off_as_a_whole_one() {
    let backend = Backend::start(|request, stream| {
        match request.target() {
            "/web/length" => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")?,
            _ => stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")?,
        }
        Err(std::io::Error::other("close"))
    });
    let edge = edge_to(backend.address);
    for target in ["/web/length", "/web/chunked"] {
        let mut connection = Connection::open(edge.http).unwrap();
        connection.send(format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n")).unwrap();
        assert!(connection.response().is_err(), "{target}: the client must see that the body is cut");
        assert_eq!(edge.logged(target)["reason"], "upstream_broken");
    }
}

#[test]
fn an_idempotent_request_is_tried_at_the_next_endpoint() {
    let backend = Backend::named("alive");
    let dead = refusing_address();
    let slices = [
        crate::support::manifest::slice("web", "1", &[dead], "{ ready: true }"),
        crate::support::manifest::slice("web", "2", &[backend.address], "{ ready: true }"),
    ];
    let edge = Edge::with(documents(
        [bare_service("web"), ingress("web").path("a.test", "Prefix", "/", "web").text()]
            .iter()
            .chain(&slices),
    ));
    for _ in 0..20 {
        assert_eq!(edge.ask("a.test", "/"), "alive");
    }
    // Nothing was sent to the dead one, so even a POST may go to the next.
    let mut connection = Connection::open(edge.http).unwrap();
    for _ in 0..6 {
        connection.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi").unwrap();
        assert_eq!(connection.response().unwrap().text(), "alive");
    }
}

#[test]
fn a_request_that_may_have_had_an_effect_is_not_repeated() {
    let backend = Backend::start(|_, _| Err(std::io::Error::other("close without an answer")));
    let edge = edge_to(backend.address);
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("POST /web HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi").unwrap();
    assert_eq!(connection.response().unwrap().status, 502);
    assert_eq!(backend.received().len(), 1);
}

#[test]
fn an_upstream_that_does_not_take_connections_in_time_is_504() {
    // A listener whose queue is full: further connections are neither taken nor refused.
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    listener.listen(0).unwrap();
    let listener: TcpListener = listener.into();
    let address = listener.local_addr().unwrap();
    let filler = || {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&address.into());
        socket
    };
    let _fillers: Vec<_> = (0..8).map(|_| filler()).collect();
    let edge = edge_to(address);
    assert_answer(&edge, "a.test", "/web", 504, "Gateway Time-out", "connect_timeout");
}

#[test]
fn an_answer_that_ends_its_connection_says_so_and_names_the_endpoint_in_the_log() {
    let address = refusing_address();
    let edge = edge_to(address);
    let mut connection = Connection::open(edge.http).unwrap();
    let answer = connection.get("a.test", "/web/refused").unwrap();
    assert_eq!((answer.status, answer.header("connection")), (502, Some("close")));
    assert!(connection.is_closed());
    let line = edge.logged("/web/refused");
    assert_eq!(line["upstream_address"], address.to_string(), "{line}");
}

#[test]
fn a_refused_upload_can_be_read_although_the_client_goes_on_sending() {
    let backend = Backend::named("web");
    let edge = edge_to(backend.address);
    for length in [2 << 20, 64 << 20] {
        let mut connection = Connection::open(edge.http).unwrap();
        let head = format!("POST /web HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n");
        connection.send(head).unwrap();
        // More than the socket's buffers hold; whether all of it is taken does not matter.
        let _ = connection.send(vec![b'x'; 2 << 20]);
        assert_eq!(connection.response().unwrap().status, 413);
    }
}
