//! Deadlines and limits with settings that no flag sets yet.

use crate::support::backend::Backend;
use crate::support::controller::edge_with;
use crate::support::http1::Connection;
use crate::support::until;
use ingora_config::Settings;
use ingora_config::settings::{Client, Proxy};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

/// Accepts and never answers.
fn silent() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn an_upstream_that_does_not_answer_is_504_after_three_tries() {
    let (_listener, address) = silent();
    let settings =
        Settings { proxy: Proxy { proxy_read_timeout: 1, ..Proxy::default() }, ..Settings::default() };
    let (edge, _sync) = edge_with(settings, &[address]);
    let answer = edge.get("a.test", "/silent");
    assert_eq!(answer.status, 504);
    let line = edge.logged("/silent");
    assert_eq!((&line["reason"], &line["tries"]), (&"upstream_timeout".into(), &3.into()), "{line}");
}

#[test]
fn a_request_that_changes_something_is_not_sent_twice() {
    let (_listener, address) = silent();
    let settings =
        Settings { proxy: Proxy { proxy_read_timeout: 1, ..Proxy::default() }, ..Settings::default() };
    let (edge, _sync) = edge_with(settings, &[address]);
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("POST /once HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nok").unwrap();
    assert_eq!(connection.response().unwrap().status, 504);
    assert_eq!(edge.logged("/once")["tries"], 1);
}

#[test]
fn a_body_that_stops_coming_is_408_and_not_the_endpoints_fault() {
    let backend = Backend::named("web");
    let settings = Settings {
        client: Client { client_body_timeout: 1, ..Client::default() },
        proxy: Proxy { proxy_read_timeout: 1, ..Proxy::default() },
        ..Settings::default()
    };
    let (edge, _sync) = edge_with(settings, &[backend.address]);
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("PUT /stops HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nsome").unwrap();
    assert_eq!(connection.response().unwrap().status, 408);
    assert_eq!(edge.logged("/stops")["reason"], "body_timeout");
}

#[test]
fn a_body_that_drips_is_cut_in_the_end() {
    let backend = Backend::named("web");
    let settings = Settings {
        client: Client { client_body_total_timeout: 2, ..Client::default() },
        ..Settings::default()
    };
    let (edge, _sync) = edge_with(settings, &[backend.address]);
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
    let settings =
        Settings { proxy: Proxy { proxy_body_size: 1000, ..Proxy::default() }, ..Settings::default() };
    let (edge, _sync) = edge_with(settings, &[backend.address]);
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n7d0\r\n{}\r\n0\r\n\r\n", "x".repeat(2000));
    for rest in ["Content-Length: 1001\r\n\r\n", &chunked] {
        let mut connection = Connection::open(edge.http).unwrap();
        connection.send(format!("POST /big HTTP/1.1\r\nHost: a.test\r\n{rest}")).unwrap();
        assert_eq!(connection.response().unwrap().status, 413, "{rest:.30}");
    }
    let mut connection = Connection::open(edge.http).unwrap();
    let fits = format!("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\n{}", "x".repeat(1000));
    connection.send(fits).unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
}

#[test]
fn an_idle_connection_is_closed_and_a_busy_one_after_its_last_request() {
    let backend = Backend::named("web");
    let settings = Settings {
        client: Client { keep_alive: 1, keep_alive_requests: 3, ..Client::default() },
        ..Settings::default()
    };
    let (edge, _sync) = edge_with(settings, &[backend.address]);
    let mut idle = Connection::open(edge.http).unwrap();
    assert_eq!(idle.get("a.test", "/").unwrap().header("connection"), Some("keep-alive"));
    assert!(idle.is_closed(), "after a second");
    let mut busy = Connection::open(edge.http).unwrap();
    let said: Vec<_> =
        (0..3).map(|_| busy.get("a.test", "/").unwrap().header("connection").map(str::to_owned)).collect();
    assert_eq!(said, [Some("keep-alive".into()), Some("keep-alive".into()), Some("close".into())]);
    assert!(busy.is_closed());
}
