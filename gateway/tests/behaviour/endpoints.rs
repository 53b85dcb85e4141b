//! Endpoints: which addresses of a Service get requests, and how they come and go without a trace.

use crate::support::backend::{Backend, refusing_address};
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::{bare_service, documents, ingress, service, slice};
use crate::support::until;
use std::io::Write as _;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::mpsc;
use std::time::Duration;

const READY: &str = "{ ready: true }";

fn web() -> String {
    ingress("web").path("a.test", "Prefix", "/", "web").text()
}

/// How many of `count` requests each name answers.
fn spread(edge: &Edge, count: usize, names: &[&str]) -> Vec<usize> {
    let answers: Vec<_> = (0..count).map(|_| edge.ask("a.test", "/")).collect();
    names.iter().map(|name| answers.iter().filter(|answer| answer == name).count()).collect()
}

#[test]
fn every_ready_endpoint_of_every_slice_gets_its_share() {
    let backends = ["one", "two", "three"].map(Backend::named);
    let slices =
        backends.iter().enumerate().map(|(at, b)| slice("web", &at.to_string(), &[b.address], READY));
    let edge = Edge::plan()
        .file("site.yaml", documents([bare_service("web"), web()].into_iter().chain(slices)))
        .gateway(&["--threads", "1"])
        .start();
    let shares = spread(&edge, 60, &["one", "two", "three"]);
    assert_eq!(shares, [20, 20, 20], "round robin is exact");
}

#[test]
fn endpoints_come_and_go_while_requests_run() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let with = |slices: &[String]| documents([bare_service("web"), web()].iter().chain(slices));
    let (first, second) =
        (slice("web", "1", &[one.address], READY), slice("web", "2", &[two.address], READY));
    let edge = Edge::with(with(std::slice::from_ref(&first)));
    assert_eq!(spread(&edge, 4, &["one"]), [4]);
    edge.write("site.yaml", with(&[first, second.clone()]));
    until("the second endpoint gets requests", || edge.ask("a.test", "/") == "two");
    edge.write("site.yaml", with(&[second]));
    until("the first endpoint gets none", || spread(&edge, 6, &["two"]) == [6]);
    edge.write("site.yaml", with(&[]));
    edge.until_ask("a.test", "/", "503");
}

#[test]
fn a_request_in_flight_survives_the_removal_of_its_endpoint() {
    let (arrived, wait_for_arrival) = mpsc::channel();
    let (release, wait_for_release) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new((arrived, wait_for_release));
    let slow = Backend::start(move |request, stream| {
        if request.target() == "/slow" {
            let gate = gate.lock().unwrap();
            gate.0.send(()).unwrap();
            gate.1.recv().unwrap();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
    });
    let edge = Edge::with(documents([service("web", &[slow.address]), web()]));
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
    wait_for_arrival.recv_timeout(Duration::from_secs(10)).unwrap();
    edge.write("site.yaml", documents([bare_service("web"), web()]));
    edge.until_ask("a.test", "/", "503");
    release.send(()).unwrap();
    assert_eq!(connection.response().unwrap().text(), "slow");
}

#[test]
fn an_endpoint_that_is_not_ready_gets_nothing() {
    let (ready, unready, unset) =
        (Backend::named("ready"), Backend::named("unready"), Backend::named("unset"));
    let edge = Edge::with(documents([
        bare_service("web"),
        slice("web", "1", &[ready.address], READY),
        slice("web", "2", &[unready.address], "{ ready: false }"),
        slice("web", "3", &[unset.address], "{ }"),
        web(),
    ]));
    let shares = spread(&edge, 20, &["ready", "unready", "unset"]);
    assert_eq!(shares[1], 0);
    assert!(shares[0] > 0 && shares[2] > 0, "an unset condition counts as ready: {shares:?}");
}

#[test]
fn terminating_endpoints_serve_only_when_nobody_else_can() {
    let (stays, leaves) = (Backend::named("stays"), Backend::named("leaves"));
    let leaving = slice("web", "2", &[leaves.address], "{ ready: false, serving: true, terminating: true }");
    let gone =
        slice("web", "3", &[refusing_address()], "{ ready: false, serving: false, terminating: true }");
    let staying = slice("web", "1", &[stays.address], READY);
    let edge = Edge::with(documents([bare_service("web"), web(), staying, leaving.clone(), gone.clone()]));
    assert_eq!(spread(&edge, 10, &["stays"]), [10]);
    edge.write("site.yaml", documents([bare_service("web"), web(), leaving, gone]));
    edge.until_ask("a.test", "/", "leaves");
    assert_eq!(spread(&edge, 10, &["leaves"]), [10], "what does not serve any more is never asked");
}

#[test]
fn ipv6_endpoints_are_reached() {
    let backend = Backend::listen(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)), |_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nsix")
    });
    let edge = Edge::with(documents([service("web", &[backend.address]), web()]));
    assert_eq!(edge.ask("a.test", "/"), "six");
}

#[test]
fn a_headless_service_is_one_like_any_other() {
    let backend = Backend::named("web");
    let text = documents([service("web", &[backend.address]), web()])
        .replace("spec: { ports", "spec: { clusterIP: None, ports");
    assert!(text.contains("clusterIP: None"));
    assert_eq!(Edge::with(text).ask("a.test", "/"), "web");
}

#[test]
fn connections_to_an_endpoint_are_kept_and_used_again() {
    let backend = Backend::named("web");
    let edge = Edge::plan()
        .file("site.yaml", documents([service("web", &[backend.address]), web()]))
        .gateway(&["--threads", "1"])
        .start();
    let mut connection = Connection::open(edge.http).unwrap();
    for _ in 0..50 {
        assert_eq!(connection.get("a.test", "/").unwrap().status, 200);
    }
    assert_eq!(backend.received().len(), 50);
    assert!(backend.connections() <= 2, "{} connections for 50 requests in a row", backend.connections());
}
