//! Deadlines and limits: of the ConfigMap, each changed while both programs run, and of single Ingresses.

use crate::support::backend::Backend;
use crate::support::echo::Echo;
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::{annotated, documents, service, site};
use crate::support::until;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

fn edge(address: SocketAddr) -> Edge {
    Edge::configured(site("a.test", "web", address), &[])
}

/// Accepts and never answers.
fn silent() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn an_upstream_that_does_not_answer_is_504_after_three_tries() {
    let (_listener, address) = silent();
    let edge = edge(address);
    edge.configure(&[("proxy-read-timeout", "1")], "/proxy/proxy_read_timeout", 1);
    let answer = edge.get("a.test", "/silent");
    assert_eq!(answer.status, 504);
    let line = edge.logged("/silent");
    assert_eq!((&line["reason"], &line["tries"]), (&"upstream_timeout".into(), &3.into()), "{line}");
}

#[test]
fn a_request_that_changes_something_is_sent_twice_only_where_that_is_allowed() {
    let (_listener, address) = silent();
    let edge = edge(address);
    edge.configure(&[("proxy-read-timeout", "1")], "/proxy/proxy_read_timeout", 1);
    let post = |path: &str| {
        let mut connection = Connection::open(edge.http).unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nok");
        connection.send(head).unwrap();
        assert_eq!(connection.response().unwrap().status, 504);
        edge.logged(path)["tries"].clone()
    };
    assert_eq!(post("/once"), 1);
    let more =
        [("proxy-read-timeout", "1"), ("retry-non-idempotent", "true"), ("proxy-next-upstream-tries", "2")];
    edge.configure(&more, "/proxy/retry_non_idempotent", true);
    assert_eq!(post("/twice"), 2);
}

#[test]
fn the_time_for_further_tries_is_bounded() {
    let (_listener, address) = silent();
    let data = [("proxy-read-timeout", "1"), ("proxy-next-upstream-timeout", "1")];
    let edge = Edge::configured(site("a.test", "web", address), &data);
    assert_eq!(edge.get("a.test", "/late").status, 504);
    assert_eq!(edge.logged("/late")["tries"], 1, "a second had passed");
    edge.configure(
        &[("proxy-read-timeout", "1"), ("proxy-next-upstream", "error")],
        "/proxy/proxy_next_upstream/timeout",
        false,
    );
    assert_eq!(edge.get("a.test", "/unwanted").status, 504);
    assert_eq!(edge.logged("/unwanted")["tries"], 1, "a timeout is no reason any more");
}

#[test]
fn a_header_that_stops_coming_is_408() {
    let backend = Backend::named("web");
    let edge = edge(backend.address);
    edge.configure(&[("client-header-timeout", "1")], "/client/client_header_timeout", 1);
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("GET / HTTP/1.1\r\nHost: a").unwrap();
    assert_eq!(connection.response().unwrap().status, 408);
}

#[test]
fn a_body_that_stops_coming_is_408_and_not_the_endpoints_fault() {
    let backend = Backend::named("web");
    let edge = edge(backend.address);
    let data = [("client-body-timeout", "1"), ("proxy-read-timeout", "1")];
    edge.configure(&data, "/client/client_body_timeout", 1);
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("PUT /stops HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nsome").unwrap();
    assert_eq!(connection.response().unwrap().status, 408);
    assert_eq!(edge.logged("/stops")["reason"], "body_timeout");
}

#[test]
fn a_body_that_drips_is_cut_in_the_end() {
    let backend = Backend::named("web");
    let edge = edge(backend.address);
    edge.configure(&[("client-body-total-timeout", "2")], "/client/client_body_total_timeout", 2);
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("PUT /drips HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n").unwrap();
    let start = Instant::now();
    // The log tells; what the client can still read depends on when it looks.
    until("the dripping body is cut", || {
        let _ = connection.send("x");
        edge.access_log().iter().any(|line| line["path"] == "/drips" && line["reason"] == "body_timeout")
    });
    assert!(start.elapsed() >= Duration::from_secs(2), "it was allowed that much");
}

#[test]
fn a_body_above_the_limit_is_413_by_its_length_and_by_its_bytes() {
    let backend = Backend::named("web");
    let edge = edge(backend.address);
    let post = |rest: &str| {
        let mut connection = Connection::open(edge.http).unwrap();
        connection.send(format!("POST /big HTTP/1.1\r\nHost: a.test\r\n{rest}")).unwrap();
        connection.response().unwrap().status
    };
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n7d0\r\n{}\r\n0\r\n\r\n", "x".repeat(2000));
    let fits = format!("Content-Length: 1000\r\n\r\n{}", "x".repeat(1000));
    assert_eq!(post(&chunked), 200, "below a megabyte");
    edge.configure(&[("proxy-body-size", "1000")], "/proxy/proxy_body_size", 1000);
    assert_eq!(post("Content-Length: 1001\r\n\r\n"), 413);
    assert_eq!(post(&chunked), 413);
    assert_eq!(post(&fits), 200);
    edge.configure(&[("proxy-body-size", "1k")], "/proxy/proxy_body_size", 1024);
    assert_eq!(post("Content-Length: 1025\r\n\r\n"), 413);
}

#[test]
fn an_idle_connection_is_closed_and_a_busy_one_after_its_last_request() {
    let backend = Backend::named("web");
    let edge = edge(backend.address);
    edge.configure(&[("keep-alive", "1"), ("keep-alive-requests", "3")], "/client/keep_alive", 1);
    let mut idle = Connection::open(edge.http).unwrap();
    assert_eq!(idle.get("a.test", "/").unwrap().header("connection"), Some("keep-alive"));
    assert!(idle.is_closed(), "after a second");
    let mut busy = Connection::open(edge.http).unwrap();
    let said: Vec<_> =
        (0..3).map(|_| busy.get("a.test", "/").unwrap().header("connection").map(str::to_owned)).collect();
    assert_eq!(said, [Some("keep-alive".into()), Some("keep-alive".into()), Some("close".into())]);
    assert!(busy.is_closed());
    edge.configure(&[("keep-alive", "0")], "/client/keep_alive", 0);
    let mut once = Connection::open(edge.http).unwrap();
    assert_eq!(once.get("a.test", "/").unwrap().header("connection"), Some("close"));
}

#[test]
fn an_ingress_has_its_own_patience_and_the_others_keep_theirs() {
    let (release, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let slow = Backend::start(move |request, stream| {
        if request.target() == "/waits" {
            let _ = wait.lock().unwrap().recv_timeout(Duration::from_secs(15));
        } else {
            // Until the gateway gives up.
            thread::sleep(Duration::from_secs(5));
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
    });
    let quick = [("proxy-read-timeout", "1"), ("proxy-next-upstream-tries", "1")];
    let sites = [annotated("quick", &quick), annotated("patient", &[("proxy-read-timeout", "soon")])];
    let sites = sites.iter().map(|site| site.text());
    let edge = Edge::with(documents([service("web", &[slow.address])].into_iter().chain(sites)));
    let mut patient = Connection::open(edge.http).unwrap();
    patient.send("GET /waits HTTP/1.1\r\nHost: patient.test\r\n\r\n").unwrap();
    until("the patient request has arrived", || slow.received().len() == 1);
    let start = Instant::now();
    assert_eq!(edge.get("quick.test", "/quick").status, 504);
    assert!(start.elapsed() >= Duration::from_secs(1), "it was given a second");
    let line = edge.logged("/quick");
    assert_eq!((&line["reason"], &line["tries"]), (&"upstream_timeout".into(), &1.into()), "{line}");
    release.send(()).unwrap();
    assert_eq!(patient.response().unwrap().text(), "slow");
}

#[test]
fn an_ingress_has_its_own_patience_with_connections() {
    // The queue of a listener that accepts nothing fills up, and further connections hang.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(1).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queued.push(stream);
    }
    let own = [("proxy-connect-timeout", "1"), ("proxy-next-upstream-tries", "1")];
    let edge = Edge::configured(
        documents([service("web", &[address]), annotated("quick", &own).text()]),
        &[("proxy-connect-timeout", "60")],
    );
    let start = Instant::now();
    assert_eq!(edge.get("quick.test", "/full").status, 504);
    assert!(start.elapsed() < Duration::from_secs(15), "the ConfigMap allows a minute");
    assert_eq!(edge.logged("/full")["reason"], "connect_timeout");
}

#[test]
fn an_ingress_has_its_own_patience_with_endpoints_that_take_nothing() {
    let (_listener, address) = silent();
    // An answer is waited for all the same: it may say why.
    let own = [("proxy-send-timeout", "1"), ("proxy-read-timeout", "1"), ("proxy-body-size", "0")];
    let edge = Edge::with(documents([service("web", &[address]), annotated("quick", &own).text()]));
    let mut connection = Connection::open(edge.http).unwrap();
    let mut writer = connection.stream().try_clone().unwrap();
    let writing = thread::spawn(move || {
        let head = "POST /takes-nothing HTTP/1.1\r\nHost: quick.test\r\nContent-Length: 1000000000\r\n\r\n";
        let _ = writer.write_all(head.as_bytes());
        // More than all buffers on the way hold; the gateway ends it.
        while writer.write_all(&[b'x'; 64 * 1024]).is_ok() {}
    });
    let line = edge.logged("/takes-nothing");
    assert_eq!((&line["status"], &line["reason"]), (&504.into(), &"upstream_timeout".into()), "{line}");
    drop(connection);
    writing.join().unwrap();
}

#[test]
fn a_websocket_of_an_ingress_ends_when_it_is_silent_for_longer_than_that_allows() {
    let echo = Echo::start("chat");
    let site = annotated("chat", &[("proxy-read-timeout", "1")]).text();
    let edge = Edge::with(documents([service("web", &[echo.address]), site]));
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send(
            "GET /chat HTTP/1.1\r\nHost: chat.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .unwrap();
    assert_eq!(connection.response().unwrap().status, 101);
    let start = Instant::now();
    assert!(connection.is_closed());
    assert!(start.elapsed() < Duration::from_secs(15), "a minute is the default");
}
