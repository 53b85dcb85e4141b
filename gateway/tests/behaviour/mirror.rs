//! `mirror-target`, `mirror-host`, `mirror-request-body`: copies of requests, which change nothing for whoever made them.

use crate::support::backend::{Backend, refusing_address};
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::http2;
use crate::support::manifest::{annotated, bare_service, documents, service, slice};
use crate::support::until;
use bytes::Bytes;
use http::Method;
use std::net::{SocketAddr, TcpListener};
use std::sync::Mutex;
use std::sync::mpsc;

fn edge(backend: &Backend, target: SocketAddr, path: &str, more: &[(&str, &str)]) -> Edge {
    let target = format!("http://{target}{path}");
    let annotations = [&[("mirror-target", target.as_str())], more].concat();
    Edge::with(documents([service("web", &[backend.address]), annotated("web", &annotations).text()]))
}

fn post(edge: &Edge, rest: &str) -> u16 {
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send(format!("POST /post?a=b HTTP/1.1\r\nHost: web.test\r\n{rest}")).unwrap();
    connection.response().unwrap().status
}

/// The number of a counter on the page of metrics.
fn count(edge: &Edge, name: &str) -> u64 {
    let page = edge.admin("/metrics").text();
    let line =
        page.lines().find_map(|line| line.strip_prefix(&format!("ingora_gateway_mirror_{name}_total ")));
    line.unwrap_or_else(|| panic!("{name} is missing in\n{page}")).parse().unwrap()
}

fn copies(mirror: &Backend, count: usize) {
    until(&format!("{count} copies have arrived"), || mirror.received().len() == count);
}

#[test]
fn a_copy_has_the_target_headers_and_body_of_its_request() {
    let (web, mirror) =
        (Backend::named("web"), Backend::saying("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"));
    let edge = edge(&web, mirror.address, "$request_uri", &[]);
    let mut client = Connection::open(edge.http).unwrap();
    client
        .send(
            "GET /a%20b?c=d HTTP/1.1\r\nHost: web.test\r\nX-Own: kept\r\nTE: trailers\r\nX-Forwarded-For: 192.0.2.1\r\n\
             Connection: Own-Hop\r\nOwn-Hop: gone\r\n\r\n",
        )
        .unwrap();
    assert_eq!(client.response().unwrap().text(), "web", "the answer is that of the upstream");
    copies(&mirror, 1);
    let copy = mirror.last();
    assert_eq!(copy.head.first, "GET /a%20b?c=d HTTP/1.1");
    for (name, want) in [
        ("host", Some("127.0.0.1")),
        ("x-own", Some("kept")),
        ("x-forwarded-host", Some("web.test")),
        ("x-forwarded-for", Some("127.0.0.1")),
        ("x-real-ip", Some("127.0.0.1")),
        ("te", None),
        ("own-hop", None),
        ("connection", None),
        ("content-length", None),
        ("transfer-encoding", None),
    ] {
        assert_eq!(copy.head.header(name), want, "{name}");
    }
    let id = web.last().head.header("x-request-id").map(str::to_owned);
    assert_eq!(copy.head.header("x-request-id").map(str::to_owned), id, "both can be found by one ID");
    // Known length that is received ahead, known length that streams, unknown length.
    let large = "x".repeat(100_000);
    let bodies = ["small".to_owned(), large.clone()];
    for (at, body) in bodies.iter().enumerate() {
        assert_eq!(post(&edge, &format!("Content-Length: {}\r\n\r\n{body}", body.len())), 200);
        copies(&mirror, at + 2);
        assert_eq!(mirror.last().body, body.as_bytes());
    }
    assert_eq!(
        post(&edge, &format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n", large.len())),
        200
    );
    copies(&mirror, 4);
    let copy = mirror.last();
    assert_eq!((copy.body.len(), copy.head.header("content-length")), (100_000, Some("100000")));
    until("all four are counted", || count(&edge, "sent") == 4);
    assert!(mirror.connections() <= 2, "each core keeps its connection");
}

#[test]
fn requests_over_http2_are_copied_as_well() {
    let (web, mirror) = (Backend::named("web"), Backend::named("copy"));
    let edge = edge(&web, mirror.address, "/copy$uri?from=$host", &[]);
    http2::run(async {
        let mut client = http2::connect(edge.https, "web.test").await;
        assert_eq!(client.get("web.test", "/get").await.unwrap().text(), "web");
        let head = http2::request(Method::POST, "web.test", "/post").body(()).unwrap();
        assert_eq!(client.send(head, Some(Bytes::from_static(b"body"))).await.unwrap().text(), "web");
    });
    copies(&mirror, 2);
    let received = mirror.received();
    let post = received.iter().find(|copy| copy.head.first.starts_with("POST")).unwrap();
    assert_eq!((post.target(), post.body.as_slice()), ("/copy/post?from=web.test", &b"body"[..]));
    assert_eq!(post.head.header("x-forwarded-host"), Some("web.test"));
    assert!(received.iter().any(|copy| copy.head.first == "GET /copy/get?from=web.test HTTP/1.1"));
}

#[test]
fn a_target_without_a_path_gets_that_of_the_request_under_the_host_that_is_wanted() {
    let (web, mirror) = (Backend::named("web"), Backend::named("copy"));
    let more = [("mirror-host", "copy.$host"), ("mirror-request-body", "off")];
    let edge = edge(&web, mirror.address, "", &more);
    assert_eq!(post(&edge, "Content-Length: 4\r\n\r\nbody"), 200);
    copies(&mirror, 1);
    let copy = mirror.last();
    assert_eq!(
        (copy.head.first.as_str(), copy.head.header("host")),
        ("POST /post?a=b HTTP/1.1", Some("copy.web.test"))
    );
    assert_eq!((copy.body.len(), web.last().body.as_slice()), (0, &b"body"[..]), "off copies no body");
}

#[test]
fn a_target_that_refuses_hangs_or_is_nowhere_changes_nothing() {
    let web = Backend::named("web");
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    for (address, failed) in [(refusing_address(), 20), (hanging.local_addr().unwrap(), 0)] {
        let edge = edge(&web, address, "$request_uri", &[]);
        let mut client = Connection::open(edge.http).unwrap();
        for _ in 0..20 {
            assert_eq!(client.get("web.test", "/").unwrap().text(), "web");
        }
        until("failures are counted", || count(&edge, "failed") == failed);
    }
}

#[test]
fn copies_that_wait_are_bounded_and_the_rest_is_dropped_and_counted() {
    let web = Backend::named("web");
    let (release, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let slow = Backend::start(move |_, stream| {
        // Until the sender goes.
        let _ = wait.lock().unwrap().recv();
        std::io::Write::write_all(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    });
    let target = format!("http://{}$request_uri", slow.address);
    let text =
        documents([service("web", &[web.address]), annotated("web", &[("mirror-target", &target)]).text()]);
    let edge = Edge::plan().file("site.yaml", text).gateway(&["--threads", "1"]).start();
    let mut client = Connection::open(edge.http).unwrap();
    for _ in 0..100 {
        assert_eq!(client.get("web.test", "/").unwrap().text(), "web");
    }
    assert_eq!(count(&edge, "dropped"), 36, "64 are under way");
    drop(release);
    until("the others are sent in the end", || count(&edge, "sent") == 64);
    assert_eq!(client.get("web.test", "/").unwrap().text(), "web");
    until("there are places again", || count(&edge, "sent") == 65);
}

#[test]
fn a_body_that_is_too_large_to_copy_reaches_the_upstream_alone() {
    let (web, mirror) = (Backend::named("web"), Backend::named("copy"));
    let edge = edge(&web, mirror.address, "$request_uri", &[("proxy-body-size", "0")]);
    let size = (1 << 20) + 1;
    assert_eq!(post(&edge, &format!("Content-Length: {size}\r\n\r\n{}", "x".repeat(size))), 200);
    assert_eq!(web.last().body.len(), size);
    until("the copy is dropped", || count(&edge, "dropped") == 1);
    let size = 1 << 20;
    assert_eq!(post(&edge, &format!("Content-Length: {size}\r\n\r\n{}", "x".repeat(size))), 200);
    copies(&mirror, 1);
    assert_eq!(mirror.last().body.len(), size);
}

#[test]
fn a_request_that_is_sent_again_is_copied_once() {
    let breaks = Backend::start(|_, _| Err(std::io::ErrorKind::ConnectionReset.into()));
    let mirror = Backend::named("copy");
    let edge =
        edge(&breaks, mirror.address, "$request_uri", &[("proxy-next-upstream", "error non_idempotent")]);
    let body = "x".repeat(20_000);
    assert_eq!(post(&edge, &format!("Content-Length: 20000\r\n\r\n{body}")), 502);
    assert_eq!(edge.logged("/post")["tries"], 3);
    copies(&mirror, 1);
    assert_eq!(mirror.last().body, body.as_bytes(), "whole, and not twice");
    assert_eq!(post(&edge, "Content-Length: 2\r\n\r\nok"), 502);
    copies(&mirror, 2);
    until("no other copy is counted", || count(&edge, "sent") == 2);
}

#[test]
fn a_service_gets_copies_in_turn_for_its_endpoints_and_one_that_is_missing_none() {
    let web = Backend::named("web");
    let mirrors = [Backend::named("one"), Backend::named("two")];
    let sites = [
        annotated("web", &[("mirror-target", "http://copies.test.svc.cluster.local$request_uri")]),
        annotated("nowhere", &[("mirror-target", "http://missing.test.svc$request_uri")]),
    ];
    let slices = mirrors
        .iter()
        .enumerate()
        .map(|(at, mirror)| slice("copies", &at.to_string(), &[mirror.address], "{ ready: true }"));
    let objects = [service("web", &[web.address]), bare_service("copies")];
    let edge = Edge::with(documents(objects.into_iter().chain(slices).chain(sites.map(|site| site.text()))));
    for _ in 0..4 {
        assert_eq!(edge.get("web.test", "/").text(), "web");
    }
    mirrors.iter().for_each(|mirror| copies(mirror, 2));
    assert_eq!(mirrors[0].last().head.header("host"), Some("copies.test.svc.cluster.local"));
    assert_eq!(edge.get("nowhere.test", "/").text(), "web");
    until("the lost copy is counted", || count(&edge, "failed") == 1);
}

#[test]
fn what_never_reaches_an_upstream_is_not_copied() {
    let (web, mirror) = (Backend::named("web"), Backend::named("copy"));
    let edge = edge(&web, mirror.address, "$request_uri", &[("allowlist-source-range", "192.0.2.0/24")]);
    assert_eq!(edge.get("web.test", "/").status, 403);
    edge.write(
        "site.yaml",
        documents([
            service("web", &[web.address]),
            annotated("web", &[("mirror-target", &format!("http://{}", mirror.address))]).text(),
        ]),
    );
    edge.until_ask("web.test", "/seen", "web");
    copies(&mirror, 1);
    assert_eq!(mirror.last().target(), "/seen");
}
