//! `proxy-next-upstream`, `-timeout`, `-tries`: when another endpoint gets a request of one Ingress.

use crate::support::backend::{Backend, refusing_address};
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::{Ingress, annotated, bare_service, documents, service, slice};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};

/// One thread: turns are exact.
fn edge(addresses: &[SocketAddr], sites: &[Ingress]) -> Edge {
    let slices = addresses
        .iter()
        .enumerate()
        .map(|(at, address)| slice("web", &at.to_string(), &[*address], "{ ready: true }"));
    let sites = sites.iter().map(Ingress::text);
    let text = documents([bare_service("web")].into_iter().chain(slices).chain(sites));
    Edge::plan().file("site.yaml", text).gateway(&["--threads", "1"]).start()
}

fn unwell() -> Backend {
    Backend::saying("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
}

fn statuses(edge: &Edge, host: &str) -> Vec<u16> {
    let mut statuses: Vec<_> = (0..4).map(|_| edge.get(host, "/").status).collect();
    statuses.sort_unstable();
    statuses
}

fn post(edge: &Edge, host: &str, path: &str, body: &str) -> u16 {
    let mut connection = Connection::open(edge.http).unwrap();
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}");
    connection.send(head).unwrap();
    connection.response().unwrap().status
}

#[test]
fn a_status_that_an_ingress_does_not_want_is_another_endpoints_turn() {
    let (good, bad) = (Backend::named("good"), unwell());
    let sites = [
        annotated("plain", &[]),
        annotated("wants", &[("proxy-next-upstream", "error http_503")]),
        annotated("typo", &[("proxy-next-upstream", "error http_5O3")]),
    ];
    let edge = edge(&[good.address, bad.address], &sites);
    assert_eq!(statuses(&edge, "plain.test"), [200, 200, 503, 503]);
    assert_eq!(statuses(&edge, "typo.test"), [200, 200, 503, 503], "a bad list counts as missing");
    // Last: who answers what is not wanted is left out in the end.
    assert_eq!(statuses(&edge, "wants.test"), [200; 4]);
}

#[test]
fn off_passes_on_what_the_first_endpoint_does() {
    let good = Backend::named("good");
    let sites = [annotated("plain", &[]), annotated("never", &[("proxy-next-upstream", "off")])];
    let edge = edge(&[good.address, refusing_address()], &sites);
    // Two failures; with the third the endpoint is left out.
    assert_eq!(statuses(&edge, "never.test"), [200, 200, 502, 502]);
    assert_eq!(statuses(&edge, "plain.test"), [200; 4]);
}

#[test]
fn tries_and_their_time_are_those_of_the_ingress() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let second = ("proxy-read-timeout", "1");
    let sites = [
        annotated("one", &[second, ("proxy-next-upstream-tries", "1")]),
        annotated("two", &[second, ("proxy-next-upstream-tries", "2")]),
        annotated("late", &[second, ("proxy-next-upstream-timeout", "1")]),
        annotated("plain", &[second]),
    ];
    let edge = edge(&[listener.local_addr().unwrap()], &sites);
    for (name, tries) in [("one", 1), ("two", 2), ("late", 1), ("plain", 3)] {
        let path = format!("/{name}");
        assert_eq!(edge.get(&format!("{name}.test"), &path).status, 504);
        assert_eq!(edge.logged(&path)["tries"], tries, "{name}");
    }
}

#[test]
fn a_request_that_changes_something_is_sent_again_where_the_ingress_says_so_and_with_its_body() {
    let breaks = Backend::start(|_, _| Err(std::io::ErrorKind::ConnectionReset.into()));
    let takes = Backend::start(|request, stream| {
        assert_eq!(request.body, b"an order");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    });
    let sites = [
        annotated("plain", &[]),
        annotated("again", &[("proxy-next-upstream", "error non_idempotent")]),
        annotated("never", &[("proxy-next-upstream", "error")]),
    ];
    let wants = [
        ("plain.test", [200, 200, 502, 502]),
        ("again.test", [200; 4]),
        ("never.test", [200, 200, 502, 502]),
    ];
    for (site, (host, want)) in sites.into_iter().zip(wants) {
        // One gateway each: an endpoint that failed for one Ingress is left out for all.
        let edge = edge(&[breaks.address, takes.address], &[site]);
        let mut statuses: Vec<_> = (0..4).map(|_| post(&edge, host, "/order", "an order")).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, want, "{host}");
    }
}

#[test]
fn the_annotation_replaces_the_conditions_of_the_config_map_but_not_its_key_for_all_methods() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sites = [
        annotated("plain", &[]),
        annotated("own", &[("proxy-next-upstream", "timeout")]),
        annotated("never", &[("proxy-next-upstream", "off")]),
    ];
    let sites = sites.iter().map(Ingress::text);
    let text = documents([service("web", &[listener.local_addr().unwrap()])].into_iter().chain(sites));
    let common = ("proxy-read-timeout", "1");
    let edge = Edge::configured(text, &[common, ("proxy-next-upstream", "timeout non_idempotent")]);
    let tries = |host: &str, path: &str| {
        assert_eq!(post(&edge, host, path, "x"), 504);
        edge.logged(path)["tries"].clone()
    };
    assert_eq!(tries("plain.test", "/plain"), 3);
    assert_eq!(tries("own.test", "/own"), 1, "its list has no non_idempotent");
    assert_eq!(tries("never.test", "/never"), 1);
    let all = [common, ("retry-non-idempotent", "true")];
    edge.configure(&all, "/proxy/retry_non_idempotent", true);
    assert_eq!(tries("own.test", "/own-again"), 3);
}
