//! `proxy-body-size`, `proxy-request-buffering`, `client-body-buffer-size`: bodies of requests to one Ingress, and headers of
//! its answers.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::http2;
use crate::support::manifest::{Ingress, annotated, documents, service};
use crate::support::until;
use bytes::Bytes;
use http::Method;
use std::io::Write as _;
use std::net::TcpStream;

fn edge(backend: &Backend, sites: &[Ingress], threads: &str) -> Edge {
    let sites = sites.iter().map(Ingress::text);
    let text = documents([service("web", &[backend.address])].into_iter().chain(sites));
    Edge::plan().file("site.yaml", text).gateway(&["--threads", threads]).start()
}

/// Answers with the size of the body.
fn counting() -> Backend {
    Backend::start(|request, stream| {
        let size = request.body.len().to_string();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{size}", size.len())
    })
}

/// Sends a head and whatever stands behind it.
fn post(edge: &Edge, host: &str, rest: &str) -> Connection<TcpStream> {
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send(format!("POST /post HTTP/1.1\r\nHost: {host}\r\n{rest}")).unwrap();
    connection
}

fn known(size: usize) -> String {
    format!("Content-Length: {size}\r\n\r\n{}", "x".repeat(size))
}

fn chunked(size: usize) -> String {
    format!("Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(size))
}

#[test]
fn an_ingress_says_how_large_a_body_may_be() {
    let backend = counting();
    let sites = [
        annotated("small", &[("proxy-body-size", "1k")]),
        annotated("large", &[("proxy-body-size", "3m")]),
        annotated("any", &[("proxy-body-size", "0")]),
        annotated("odd", &[("proxy-body-size", "much")]),
    ];
    let edge = edge(&backend, &sites, "2");
    let status = |host: &str, rest: &str| post(&edge, host, rest).response().unwrap().status;
    let mega = 1024 * 1024;
    for rest in [known, chunked] {
        assert_eq!(status("small.test", &rest(1024)), 200);
        assert_eq!(status("large.test", &rest(2 * mega)), 200);
        assert_eq!(status("any.test", &rest(5 * mega)), 200);
        assert_eq!(status("odd.test", &rest(mega)), 200);
    }
    assert_eq!(status("small.test", "Content-Length: 1025\r\n\r\n"), 413);
    assert_eq!(status("small.test", &chunked(1025)), 413);
    assert_eq!(status("large.test", "Content-Length: 3145729\r\n\r\n"), 413);
    assert_eq!(status("odd.test", "Content-Length: 1048577\r\n\r\n"), 413, "the ConfigMap's default");
}

#[test]
fn a_body_that_is_too_large_is_413_before_anything_else_of_the_route() {
    let backend = counting();
    let away = ("permanent-redirect", "https://elsewhere.example/");
    let sites =
        [annotated("away", &[away, ("proxy-body-size", "10")]).path("away.test", "Prefix", "/dir/", "web")];
    let edge = edge(&backend, &sites, "2");
    let asks = |path: &str, size: usize| {
        let mut connection = Connection::open(edge.http).unwrap();
        connection.send(format!("POST {path} HTTP/1.1\r\nHost: away.test\r\n{}", known(size))).unwrap();
        connection.response().unwrap().status
    };
    assert_eq!((asks("/", 10), asks("/", 11)), (301, 413));
    assert_eq!((asks("/dir", 10), asks("/dir", 11)), (301, 413), "before the missing slash");
}

#[test]
fn a_small_body_is_received_before_an_endpoint_is_bothered_and_a_large_one_streams() {
    let backend = counting();
    let sites = [
        annotated("ahead", &[]),
        annotated("streams", &[("proxy-request-buffering", "off")]),
        annotated("more", &[("client-body-buffer-size", "64k")]),
        annotated("most", &[("client-body-buffer-size", "10m"), ("proxy-body-size", "10m")]),
    ];
    // One thread: what came first is looked at first.
    let edge = edge(&backend, &sites, "1");
    let half = |host: &str, size: usize| {
        post(&edge, host, &format!("Content-Length: {size}\r\n\r\n{}", "x".repeat(size / 2)))
    };
    let finish = |mut connection: Connection<TcpStream>, size: usize| {
        connection.send("x".repeat(size - size / 2)).unwrap();
        assert_eq!(connection.response().unwrap().text(), size.to_string());
    };
    let (ahead, more) = (half("ahead.test", 8192), half("more.test", 65_536));
    let streams = half("streams.test", 8192);
    until("the stream has its endpoint", || backend.connections() == 1);
    let large = half("ahead.test", 8193);
    until("so has the large body", || backend.connections() == 2);
    let larger = half("most.test", 65_537);
    until("and one above 64k", || backend.connections() == 3);
    // Two lie in the gateway, in the other order.
    finish(streams, 8192);
    finish(large, 8193);
    finish(larger, 65_537);
    finish(more, 65_536);
    finish(ahead, 8192);
    assert_eq!(backend.received().len(), 5);
}

#[test]
fn a_body_that_is_received_ahead_arrives_whole_over_http2_too() {
    let backend = counting();
    let edge = edge(&backend, &[annotated("web", &[("client-body-buffer-size", "64k")])], "2");
    http2::run(async {
        let mut client = http2::connect(edge.https, "web.test").await;
        for size in [1, 8192, 30_000, 65_536, 65_537, 200_000] {
            let head = http2::request(Method::POST, "web.test", "/h2").header("content-length", size);
            let body = Bytes::from(vec![b'x'; size]);
            let answer = client.send(head.body(()).unwrap(), Some(body)).await.unwrap();
            assert_eq!((answer.status, answer.text()), (200, size.to_string()));
        }
    });
}

#[test]
fn a_small_body_that_stops_coming_is_408_and_bothers_nobody() {
    let backend = counting();
    let text = documents([service("web", &[backend.address]), annotated("web", &[]).text()]);
    let edge = Edge::configured(text, &[("client-body-timeout", "1")]);
    let mut connection = post(&edge, "web.test", "Content-Length: 100\r\n\r\nsome");
    assert_eq!(connection.response().unwrap().status, 408);
    http2::run(async {
        let mut client = http2::connect(edge.https, "web.test").await;
        let head = http2::request(Method::POST, "web.test", "/h2").header("content-length", 100);
        client.send = client.send.clone().ready().await.unwrap();
        let (response, mut stream) = client.send.send_request(head.body(()).unwrap(), false).unwrap();
        stream.send_data(Bytes::from_static(b"some"), false).unwrap();
        assert_eq!(http2::read(response).await.unwrap().status, 408);
    });
    assert_eq!(backend.connections(), 0);
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_small_body_bothers_nobody() {
    let backend = counting();
    let edge = edge(&backend, &[annotated("web", &[])], "2");
    drop(post(&edge, "web.test", "Content-Length: 100\r\n\r\nsome"));
    assert_eq!(edge.logged("/post")["reason"], "client_closed");
    assert_eq!(backend.connections(), 0);
}

#[test]
fn a_client_that_waits_to_be_asked_for_its_body_is_asked() {
    let backend = counting();
    let edge = edge(&backend, &[annotated("web", &[])], "2");
    let mut connection = post(&edge, "web.test", "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(connection.head().unwrap().first, "HTTP/1.1 100 Continue");
    connection.send("body").unwrap();
    assert_eq!(connection.response().unwrap().text(), "4");
}

#[test]
fn the_header_of_an_answer_may_be_large_and_not_endless() {
    let backend = Backend::start(|request, stream| {
        let size: usize = request.target()[1..].parse().unwrap();
        write!(stream, "HTTP/1.1 200 OK\r\nX-Large: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(size))
    });
    let edge = edge(&backend, &[annotated("web", &[("proxy-buffer-size", "4k")])], "2");
    assert_eq!(edge.get("web.test", "/100000").header("x-large").unwrap().len(), 100_000);
    assert_eq!(edge.get("web.test", "/2000000").status, 502);
}
