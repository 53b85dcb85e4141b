//! HTTP/2 over TLS, and trailers through an upstream that speaks it in clear text.

use crate::support::backend::Backend;
use crate::support::echo::Echo;
use crate::support::edge::Edge;
use crate::support::http2::{self, request};
use crate::support::manifest::{documents, h2c_service, ingress, site};
use bytes::Bytes;
use http::Method;

#[test]
fn requests_over_http2_reach_an_http1_upstream() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    http2::run(async {
        let mut client = http2::connect(edge.https, "a.test").await;
        let answer = client.get("a.test", "/p?q=1").await.unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "web"));
        assert_eq!(answer.headers["strict-transport-security"], "max-age=31536000; includeSubDomains");
        assert!(!answer.headers.contains_key("connection"), "forbidden in HTTP/2");
        let received = backend.last();
        assert_eq!(received.head.first, "GET /p?q=1 HTTP/1.1");
        assert_eq!(received.head.header("host"), Some("a.test"));
        assert_eq!(received.head.header("x-forwarded-proto"), Some("https"));
        assert_eq!(received.head.header("x-forwarded-host"), Some("a.test"));

        let head = request(Method::POST, "a.test", "/up").body(()).unwrap();
        let body = Bytes::from(vec![b'x'; 300_000]);
        assert_eq!(client.send(head, Some(body)).await.unwrap().status, 200);
        assert_eq!(backend.last().body.len(), 300_000);
        let answer = client.get("a.test", "/missing").await.unwrap();
        assert_eq!(answer.status, 200);
    });
}

#[test]
fn many_streams_share_one_connection() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    http2::run(async {
        let client = http2::connect(edge.https, "a.test").await;
        let mut answers = Vec::new();
        for at in 0..100 {
            let mut send = client.send.clone().ready().await.unwrap();
            let head = request(Method::GET, "a.test", &format!("/{at}")).body(()).unwrap();
            answers.push(send.send_request(head, true).unwrap().0);
        }
        for answer in answers {
            assert_eq!(http2::read(answer).await.unwrap().text(), "web");
        }
    });
}

#[test]
fn trailers_pass_from_an_http2_upstream() {
    let echo = Echo::start("grpc");
    let edge = Edge::with(documents([
        h2c_service("grpc", echo.address),
        ingress("grpc").path("a.test", "Prefix", "/", "grpc").text(),
    ]));
    http2::run(async {
        let mut client = http2::connect(edge.https, "a.test").await;
        let target = "/?trailer=grpc-status:0&trailer=grpc-message:fine";
        let head = request(Method::POST, "a.test", target).header("te", "trailers").body(()).unwrap();
        let answer = client.send(head, Some(Bytes::from_static(b"\0\0\0\0\x02hi"))).await.unwrap();
        assert_eq!(answer.status, 200);
        let report: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(report["version"], "HTTP/2.0", "the upstream is spoken to in HTTP/2");
        assert_eq!(report["body_bytes"], 7);
        let headers = report["headers"].as_array().unwrap();
        assert!(
            headers.iter().any(|pair| pair[0] == "te" && pair[1] == "trailers"),
            "gRPC needs TE: {report}"
        );
        let trailers = answer.trailers.unwrap();
        assert_eq!(
            (&trailers["grpc-status"], &trailers["grpc-message"]),
            (&"0".parse().unwrap(), &"fine".parse().unwrap())
        );
    });
}

#[test]
fn an_http1_client_reaches_an_http2_upstream() {
    let echo = Echo::start("h2c");
    let edge = Edge::with(documents([
        h2c_service("h2c", echo.address),
        ingress("h2c").path("a.test", "Prefix", "/", "h2c").text(),
    ]));
    let answer = edge.get("a.test", "/x");
    let report: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((&report["version"], &report["path"]), (&"HTTP/2.0".into(), &"/x".into()));
}

#[test]
fn a_body_streams_both_ways_at_once() {
    let echo = Echo::start("mirror");
    let edge = Edge::with(documents([
        h2c_service("mirror", echo.address),
        ingress("mirror").path("a.test", "Prefix", "/", "mirror").text(),
    ]));
    http2::run(async {
        let client = http2::connect(edge.https, "a.test").await;
        let mut send = client.send.clone().ready().await.unwrap();
        let head = request(Method::POST, "a.test", "/?mirror=1").body(()).unwrap();
        let (answer, mut upload) = send.send_request(head, false).unwrap();
        upload.send_data(Bytes::from_static(b"one"), false).unwrap();
        let mut body = answer.await.unwrap().into_body();
        assert_eq!(
            body.data().await.unwrap().unwrap(),
            "one",
            "the answer must not wait for the upload's end"
        );
        upload.send_data(Bytes::from_static(b"two"), true).unwrap();
        assert_eq!(body.data().await.unwrap().unwrap(), "two");
    });
}

#[test]
fn a_stream_limit_is_announced() {
    let edge = Edge::plan().start();
    http2::run(async {
        let mut client = http2::connect(edge.https, "a.test").await;
        assert_eq!(client.get("a.test", "/").await.unwrap().status, 404);
        // The gateway's SETTINGS are here once an answer is.
        assert_eq!(client.send.current_max_send_streams(), 128, "http2-max-concurrent-streams");
    });
}
