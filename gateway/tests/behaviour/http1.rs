//! HTTP/1.1: connections that are kept, bodies that stream, and the corners of the protocol.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::{Connection, status};
use crate::support::manifest::site;
use crate::support::until;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

#[test]
fn a_connection_carries_many_requests() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    for at in 0..100 {
        let answer = connection.get("a.test", &format!("/{at}")).unwrap();
        assert_eq!(answer.text(), "web");
    }
    // The gateway's own answers keep the connection, too.
    assert_eq!(connection.get("unknown.test", "/").unwrap().status, 404);
    assert_eq!(connection.get("a.test", "/").unwrap().status, 200);
    connection.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(connection.response().unwrap().header("connection"), Some("close"));
    assert!(connection.is_closed());
}

#[test]
fn head_gets_the_head_alone() {
    let backend = Backend::start(|request, stream| {
        let body = if request.head.first.starts_with("HEAD") { "" } else { "four" };
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{body}")
    });
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    for host in ["a.test", "unknown.test", "a.test"] {
        connection.send(format!("HEAD / HTTP/1.1\r\nHost: {host}\r\n\r\n")).unwrap();
        let answer = connection.response_to("HEAD").unwrap();
        assert_eq!(answer.status, if host == "a.test" { 200 } else { 404 });
        assert!(answer.header("content-length").is_some());
    }
    assert_eq!(connection.get("a.test", "/").unwrap().text(), "four", "the connection is in step");
}

#[test]
fn answers_without_a_body_keep_the_connection_in_step() {
    let backend = Backend::start(|request, stream| match request.target() {
        "/204" => stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n"),
        "/304" => stream.write_all(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nETag: \"x\"\r\n\r\n"),
        _ => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    });
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    for target in ["/204", "/304", "/", "/204", "/"] {
        let answer = connection.get("a.test", target).unwrap();
        let want = target.trim_start_matches('/').parse().unwrap_or(200);
        assert_eq!(answer.status, want, "{target}");
    }
}

#[test]
fn a_client_that_waits_for_100_continue_gets_it() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        .unwrap();
    assert_eq!(status(&connection.head().unwrap()).unwrap(), 100);
    connection.send("hello").unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
    assert_eq!(backend.last().body, b"hello");
    // Whoever does not wait gets the same answer.
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nthere")
        .unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
    assert_eq!(backend.last().body, b"there");
}

#[test]
fn a_refused_upload_is_refused_before_it_is_sent() {
    let edge = Edge::plan().start();
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send("POST / HTTP/1.1\r\nHost: unknown.test\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
        .unwrap();
    assert_eq!(status(&connection.head().unwrap()).unwrap(), 404, "no 100 comes before the refusal");
}

#[test]
fn bodies_pass_whatever_their_framing() {
    let backend = Backend::start(|request, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        for piece in request.body.chunks(7) {
            write!(stream, "{:x}\r\n", piece.len())?;
            stream.write_all(piece)?;
            stream.write_all(b"\r\n")?;
        }
        stream.write_all(b"0\r\n\r\n")
    });
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    let body = "0123456789".repeat(20);
    connection.send(format!("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 200\r\n\r\n{body}")).unwrap();
    assert_eq!(connection.response().unwrap().text(), body);
    assert_eq!(backend.last().head.header("content-length"), Some("200"));
    connection
        .send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
        .unwrap();
    assert_eq!(connection.response().unwrap().text(), "hello world");
    assert_eq!(connection.get("a.test", "/").unwrap().text(), "", "the connection is in step");
}

#[test]
fn an_upstream_of_http_1_0_without_length_is_read_to_its_end() {
    let backend = Backend::start(|_, stream| {
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")?;
        Err(std::io::Error::other("close"))
    });
    let edge = Edge::with(site("a.test", "web", backend.address));
    assert_eq!(edge.get("a.test", "/").text(), "until the end");
}

#[test]
fn an_answer_streams_while_the_upstream_still_writes() {
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let receive = std::sync::Mutex::new(receive);
    let backend = Backend::start(move |_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")?;
        receive.lock().unwrap().recv().map_err(std::io::Error::other)?;
        stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n")
    });
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
    connection.head().unwrap();
    assert_eq!(
        connection.exactly(10).unwrap(),
        b"5\r\nfirst\r\n",
        "the first piece must not wait for the second"
    );
    send.send(()).unwrap();
    assert_eq!(connection.exactly(16).unwrap(), b"6\r\nsecond\r\n0\r\n\r\n"[..16]);
}

#[test]
fn an_upload_streams_while_the_client_still_writes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let site = site("a.test", "web", listener.local_addr().unwrap());
    let edge = Edge::configured(site, &[("proxy-request-buffering", "off")]);
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 11\r\n\r\nhello").unwrap();
    let (mut upstream, _) = listener.accept().unwrap();
    upstream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut got = Vec::new();
    while !got.ends_with(b"\r\n\r\nhello") {
        let mut byte = [0];
        upstream.read_exact(&mut byte).expect("the first part must not wait for the rest");
        got.push(byte[0]);
    }
    connection.send(" world").unwrap();
    let mut rest = [0; 6];
    upstream.read_exact(&mut rest).unwrap();
    assert_eq!(&rest, b" world");
    upstream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
}

#[test]
fn a_long_answer_is_not_held_in_memory() {
    const SIZE: usize = 256 << 20;
    let backend = Backend::start(|_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n")?;
        let piece = vec![b'x'; 1 << 20];
        (0..SIZE >> 20).try_for_each(|_| stream.write_all(&piece))
    });
    let edge = Edge::with(site("a.test", "web", backend.address));
    assert_eq!(edge.ask("unknown.test", "/"), "404");
    let before = edge.gateway.resident_bytes();
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
    connection.head().unwrap();
    // The client reads nothing at first: what the gateway cannot pass on, it must not take from the upstream.
    let calm = Instant::now();
    let mut last = 0;
    until("the gateway stops reading", || {
        let now = edge.gateway.resident_bytes();
        let grew = now > last;
        last = last.max(now);
        !grew && calm.elapsed() > Duration::from_millis(300)
    });
    assert!(last < before + (64 << 20), "{} MiB grew to {} MiB", before >> 20, last >> 20);
    let mut count = 0;
    while count < SIZE {
        count += connection.some().unwrap().len();
    }
    let after = edge.gateway.resident_bytes();
    assert!(after < before + (64 << 20), "{} MiB grew to {} MiB", before >> 20, after >> 20);
}

#[test]
fn large_headers_pass_within_the_limit() {
    let value = "v".repeat(8000);
    let backend = Backend::start(move |_, stream| {
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nX-Large: {value}\r\nX-Larger: {value}\r\nContent-Length: 0\r\n\r\n"
        )
    });
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    let cookie = "c".repeat(8000);
    connection
        .send(format!("GET / HTTP/1.1\r\nHost: a.test\r\nCookie: {cookie}\r\nX-B: {cookie}\r\n\r\n"))
        .unwrap();
    let answer = connection.response().unwrap();
    assert_eq!(answer.header("x-larger").map(str::len), Some(8000));
    assert_eq!(backend.last().head.header("cookie").map(str::len), Some(8000));
    let target = format!("/{}", "p".repeat(7000));
    assert_eq!(connection.get("a.test", &target).unwrap().status, 200);
    assert_eq!(backend.last().target(), target);
}

#[test]
fn pipelined_requests_are_answered_in_order_or_the_connection_ends_honestly() {
    let backend = Backend::start(|request, stream| {
        let body = request.target();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    });
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    let request = |target| format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n");
    connection.send(request("/1") + &request("/2") + &request("/3")).unwrap();
    for target in ["/1", "/2", "/3"] {
        let answer = connection.response().unwrap();
        assert_eq!(answer.text(), target);
        if answer.header("connection") == Some("close") {
            assert!(connection.is_closed(), "after `Connection: close` nothing may follow");
            return;
        }
    }
}

#[test]
fn http_1_0_gets_http_1_1_manners() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n").unwrap();
    assert_eq!(connection.response().unwrap().text(), "web");
    assert!(connection.is_closed(), "HTTP/1.0 closes unless it says otherwise");
    assert!(backend.last().head.first.ends_with("HTTP/1.1"));
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("GET / HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(connection.response().unwrap().status, 404, "without Host it is for the catch-all host");
}

#[test]
fn a_client_that_leaves_takes_its_upstream_request_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let edge = Edge::with(site("a.test", "web", listener.local_addr().unwrap()));
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("GET /leaves HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
    let (mut upstream, _) = listener.accept().unwrap();
    upstream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    drop(connection);
    let mut rest = Vec::new();
    // Ends when the gateway closes; a gateway that goes on waiting lets this run into its timeout.
    let ended = upstream.read_to_end(&mut rest);
    assert!(ended.is_ok() || ended.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset));
    let line = edge.logged("/leaves");
    assert_eq!(line["status"], 499);
    assert_eq!(line["reason"], "client_closed");
}

#[test]
fn an_empty_line_before_a_request_may_come_in_two_packets() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    connection.stream().set_nodelay(true).unwrap();
    assert_eq!(connection.get("a.test", "/").unwrap().status, 200);
    for part in ["\r", "\n", "GET / HTTP/1.1\r\n", "Host: a.test\r\n\r\n"] {
        connection.send(part).unwrap();
        // Makes sure that the parts arrive one by one: another connection is served in between.
        assert_eq!(edge.ask("a.test", "/"), "web");
    }
    assert_eq!(connection.response().unwrap().status, 200);
}

#[test]
fn an_http_1_0_client_gets_no_chunks() {
    let backend =
        Backend::saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.stream().read_to_string(&mut answer).unwrap();
    assert!(!answer.to_ascii_lowercase().contains("transfer-encoding"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
}

#[test]
fn an_answer_instead_of_a_100_continue_ends_the_connection() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send("POST / HTTP/1.1\r\nHost: unknown.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        .unwrap();
    assert_eq!(
        connection.response().unwrap().header("connection"),
        Some("close"),
        "is the body coming or not?"
    );
}
