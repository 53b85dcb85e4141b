//! `enable-cors`, `cors-*`: what browsers are told, by the upstream's answers and by the gateway's own.

use crate::support::backend::{Backend, refusing_address};
use crate::support::edge::Edge;
use crate::support::http1::{Connection, Response};
use crate::support::http2::{connect, request, run};
use crate::support::manifest::{Ingress, bare_service, documents, ingress, service};
use http::Method;

const CORS: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nAccess-Control-Allow-Origin: upstream\r\n\
    Access-Control-Allow-Methods: TRACE\r\nAccess-Control-Expose-Headers: X-Up\r\nVary: Accept\r\n\r\nweb";

fn with(ingress: Ingress, annotations: &[(&str, &str)]) -> Ingress {
    let prefix = "nginx.ingress.kubernetes.io";
    let ingress = ingress.annotation(&format!("{prefix}/enable-cors"), "true");
    annotations
        .iter()
        .fold(ingress, |ingress, (name, value)| ingress.annotation(&format!("{prefix}/{name}"), value))
}

fn site(annotations: &[(&str, &str)]) -> String {
    with(ingress("web"), annotations).path("a.test", "Prefix", "/", "web").text()
}

const LISTED: (&str, &str) = ("cors-allow-origin", "https://shop.test, https://*.b.test:8443, null");

/// One request of an origin; none when that is empty.
fn ask(edge: &Edge, method: &str, target: &str, origin: &str) -> Response {
    let origin = if origin.is_empty() { String::new() } else { format!("Origin: {origin}\r\n") };
    let mut connection = Connection::open(edge.http).unwrap();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: a.test\r\n{origin}Connection: close\r\n\r\n");
    connection.send(head).unwrap();
    connection.response_to(method).unwrap()
}

fn allowed(answer: &Response) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[test]
fn a_preflight_of_an_allowed_origin_is_answered_for_the_upstream() {
    let web = Backend::saying(CORS);
    let edge = Edge::with(documents([service("web", &[web.address]), site(&[LISTED])]));
    let answer = ask(&edge, "OPTIONS", "/api", "https://Shop.test");
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    for (name, value) in [
        ("access-control-allow-origin", "https://Shop.test"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, PUT, POST, DELETE, PATCH, OPTIONS"),
        (
            "access-control-allow-headers",
            "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization",
        ),
        ("access-control-max-age", "1728000"),
        ("content-type", "text/plain charset=UTF-8"),
        ("content-length", "0"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert_eq!(answer.header("access-control-expose-headers"), None);
    assert_eq!(answer.header("vary"), None);
    assert_eq!(web.received().len(), 0);
    assert_eq!(edge.logged("/api")["reason"], "preflight");

    let mut connection = Connection::open(edge.http).unwrap();
    for _ in 0..2 {
        connection.send("OPTIONS / HTTP/1.1\r\nHost: a.test\r\nOrigin: null\r\n\r\n").unwrap();
        assert_eq!(connection.response().unwrap().status, 204, "the connection is kept");
    }
    run(async {
        let mut http2 = connect(edge.https, "a.test").await;
        let head = request(Method::OPTIONS, "a.test", "/").header("origin", "null").body(()).unwrap();
        let answer = http2.send(head, None).await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (204, 0));
        assert_eq!(answer.headers["access-control-allow-origin"], "null");
    });
}

#[test]
fn other_origins_are_the_upstreams_business() {
    let web = Backend::saying(CORS);
    let edge = Edge::with(documents([service("web", &[web.address]), site(&[LISTED])]));
    for origin in [
        "",
        "https://other.test",
        "xhttps://shop.test",
        "https://shop.test.evil.test",
        "https://shop.test:443",
        "https://x.y.b.test:8443",
        "https://b.test:8443",
    ] {
        for method in ["GET", "OPTIONS"] {
            let answer = ask(&edge, method, "/", origin);
            assert_eq!((answer.status, allowed(&answer)), (200, Some("upstream")), "{method} of {origin}");
            assert_eq!(answer.header("access-control-allow-methods"), Some("TRACE"), "{method} of {origin}");
            assert_eq!(answer.header("access-control-allow-credentials"), None, "{method} of {origin}");
        }
        assert_eq!(ask(&edge, "GET", "/", origin).head.all("vary"), ["Accept", "Origin"], "{origin}");
    }
}

#[test]
fn our_headers_replace_the_upstreams() {
    let web = Backend::saying(CORS);
    let annotations = [
        LISTED,
        ("cors-allow-methods", "GET"),
        ("cors-allow-headers", "X-One"),
        ("cors-expose-headers", "X-Two"),
        ("cors-max-age", "5"),
        ("cors-allow-credentials", "false"),
    ];
    let edge = Edge::with(documents([service("web", &[web.address]), site(&annotations)]));
    let answer = ask(&edge, "GET", "/", "https://x.b.test:8443");
    for (name, value) in [
        ("access-control-allow-origin", Some("https://x.b.test:8443")),
        ("access-control-allow-methods", Some("GET")),
        ("access-control-allow-headers", Some("X-One")),
        ("access-control-expose-headers", Some("X-Two")),
        ("access-control-max-age", Some("5")),
        ("access-control-allow-credentials", None),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert_eq!(answer.head.all("vary"), ["Accept", "Origin"]);
    assert_eq!(answer.text(), "web");
}

#[test]
fn any_origin_is_a_star_for_everybody() {
    let web = Backend::saying(CORS);
    let edge = Edge::with(documents([service("web", &[web.address]), site(&[])]));
    for origin in ["", "https://any.test"] {
        let answer = ask(&edge, "GET", "/", origin);
        assert_eq!(allowed(&answer), Some("*"), "{origin}");
        assert_eq!(answer.head.all("vary"), ["Accept"], "one answer for all");
        assert_eq!(ask(&edge, "OPTIONS", "/", origin).status, 204, "{origin}");
    }
}

#[test]
fn answers_of_the_gateway_itself_carry_the_headers_too() {
    let resource = "resource: { apiGroup: x.test, kind: Bucket, name: x }";
    let edge = Edge::with(documents([
        bare_service("nobody"),
        service("dead", &[refusing_address()]),
        with(ingress("web"), &[LISTED])
            .path("a.test", "Prefix", "/503", "nobody")
            .path("a.test", "Prefix", "/502", "dead")
            .backend("a.test", "Prefix", "/404", resource)
            .text(),
        with(ingress("moved"), &[LISTED, ("permanent-redirect", "https://b.test")])
            .path("a.test", "Prefix", "/301", "nobody")
            .text(),
        with(ingress("secure"), &[LISTED, ("force-ssl-redirect", "true")])
            .path("a.test", "Prefix", "/308", "nobody")
            .text(),
    ]));
    for status in [503, 502, 404, 301, 308] {
        let target = format!("/{status}");
        let answer = ask(&edge, "GET", &target, "https://shop.test");
        assert_eq!((answer.status, allowed(&answer)), (status, Some("https://shop.test")));
        assert_eq!(answer.header("vary"), Some("Origin"));
        let answer = ask(&edge, "GET", &target, "https://other.test");
        assert_eq!((answer.status, allowed(&answer)), (status, None));
        assert_eq!(ask(&edge, "OPTIONS", &target, "https://shop.test").status, 204, "before all that");
    }
    let mut connection = Connection::open(edge.http).unwrap();
    let head = "POST /503 HTTP/1.1\r\nHost: a.test\r\nOrigin: null\r\nContent-Length: 9000000\r\n\r\n";
    connection.send(head).unwrap();
    let answer = connection.response().unwrap();
    assert_eq!((answer.status, allowed(&answer)), (413, Some("null")));
}

#[test]
fn a_list_that_says_nothing_answers_nobody() {
    let web = Backend::saying(CORS);
    let bad = ("cors-allow-origin", "shop.test, https://shop.test;https://b.test");
    let edge = Edge::with(documents([service("web", &[web.address]), site(&[bad])]));
    for origin in ["https://shop.test", "shop.test", ""] {
        assert_eq!(allowed(&ask(&edge, "GET", "/", origin)), Some("upstream"), "{origin}");
        assert_eq!(ask(&edge, "OPTIONS", "/", origin).status, 200, "{origin}");
    }
}
