//! Leaving: after SIGTERM no accepted request fails, and clients are told to go elsewhere.

use crate::support::backend::Backend;
use crate::support::echo::Echo;
use crate::support::edge::{Edge, Plan};
use crate::support::http1::{self, Connection};
use crate::support::http2;
use crate::support::load::{Failure, Load};
use crate::support::manifest::site;
use crate::support::until;
use std::time::{Duration, Instant};

fn plan(lame_duck: &str, address: std::net::SocketAddr) -> Plan {
    Edge::plan().file("site.yaml", site("a.test", "web", address)).gateway(&[
        "--lame-duck",
        lame_duck,
        "--drain-timeout",
        "10",
    ])
}

fn wait_exit(edge: &mut Edge) {
    let mut status = None;
    until("the gateway exits", || {
        status = edge.gateway.exit_status();
        status.is_some()
    });
    assert!(status.unwrap().success(), "{status:?}");
}

#[test]
fn no_accepted_request_fails_under_load() {
    let backend = Backend::named("web");
    let mut edge = plan("2", backend.address).start();
    let load = Load::start(edge.http, "a.test", "/", 4);
    load.wait_for(200);
    edge.gateway.signal("TERM");
    until("it is not ready any more", || edge.admin("/readyz").status == 503);
    load.wait_for(100);
    until("it stops listening", || load.failures().contains(&Failure::Refused));
    let account = load.finish();
    let failed: Vec<_> = account.failures.iter().filter(|failure| **failure != Failure::Refused).collect();
    assert!(
        failed.is_empty(),
        "{} of {}: {:?}",
        failed.len(),
        account.answered,
        &failed[..failed.len().min(5)]
    );
    wait_exit(&mut edge);
}

#[test]
fn a_lame_duck_serves_and_says_goodbye() {
    let backend = Backend::named("web");
    let mut edge = plan("3", backend.address).start();
    let mut kept = Connection::open(edge.http).unwrap();
    assert_ne!(kept.get("a.test", "/").unwrap().header("connection"), Some("close"));
    let told = Instant::now();
    edge.gateway.signal("TERM");
    until("it is not ready any more", || edge.admin("/readyz").status == 503);
    assert_eq!(edge.admin("/healthz").status, 200, "not ready is not dead");
    let answer = kept.get("a.test", "/").unwrap();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(kept.is_closed());
    let mut new = Connection::open(edge.http).unwrap();
    let answer = new.get("a.test", "/").unwrap();
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close")),
        "new connections are still served"
    );
    assert!(told.elapsed() < Duration::from_secs(3), "all of this happened within the lame duck");
    wait_exit(&mut edge);
    assert!(http1::get(edge.http, "a.test", "/").is_err());
}

#[test]
fn http2_clients_get_goaway_and_their_streams_finish() {
    let echo = Echo::start("web");
    let mut edge = plan("2", echo.address).start();
    http2::run(async {
        let mut client = http2::connect(edge.https, "a.test").await;
        assert_eq!(client.get("a.test", "/").await.unwrap().status, 200);
        let mut send = client.send.clone().ready().await.unwrap();
        let head = http2::request(http::Method::GET, "a.test", "/?delay_ms=3500").body(()).unwrap();
        let (slow, _) = send.send_request(head, true).unwrap();
        drop(send);
        tokio::task::yield_now().await;
        edge.gateway.signal("TERM");
        let answer = http2::read(slow).await.unwrap();
        assert_eq!(answer.status, 200, "a stream that outlives the lame duck finishes");
        let end = client.driver.await.unwrap();
        assert!(end.is_ok() || end.is_err_and(|error| error.is_go_away()), "the connection ends by GOAWAY");
    });
    wait_exit(&mut edge);
}

#[test]
fn a_slow_request_finishes_after_the_listeners_are_closed() {
    let echo = Echo::start("web");
    let mut edge = plan("0", echo.address).start();
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("GET /?delay_ms=2000 HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
    let mut streaming = Connection::open(edge.http).unwrap();
    streaming.send("GET /?chunks=20&chunk_delay_ms=100&size=10 HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
    streaming.head().unwrap();
    edge.gateway.signal("TERM");
    until("new connections are refused", || http1::get(edge.http, "a.test", "/").is_err());
    assert_eq!(connection.response().unwrap().status, 200);
    let mut body = Vec::new();
    while !body.ends_with(b"0\r\n\r\n") {
        let piece = streaming.some().unwrap();
        assert!(!piece.is_empty(), "the answer is cut after {} bytes", body.len());
        body.extend(piece);
    }
    wait_exit(&mut edge);
}

#[test]
fn an_endless_request_does_not_hold_the_exit_up() {
    let echo = Echo::start("web");
    let mut edge = Edge::plan()
        .file("site.yaml", site("a.test", "web", echo.address))
        .gateway(&["--lame-duck", "0", "--drain-timeout", "1"])
        .start();
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send("GET /?chunks=10000&chunk_delay_ms=100&size=10 HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .unwrap();
    connection.head().unwrap();
    let mut idle = Connection::open(edge.http).unwrap();
    idle.get("unknown.test", "/").unwrap();
    let told = Instant::now();
    edge.gateway.signal("TERM");
    wait_exit(&mut edge);
    assert!(told.elapsed() < Duration::from_secs(10), "it took {:?}", told.elapsed());
}
