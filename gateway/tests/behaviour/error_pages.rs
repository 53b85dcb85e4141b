//! `custom-http-errors`, `default-backend`, `disable-proxy-intercept-errors`: another backend answers instead of an error.

use crate::support::backend::{Backend, Received, refusing_address};
use crate::support::echo::Echo;
use crate::support::edge::Edge;
use crate::support::http1::{Connection, Response};
use crate::support::http2::{self, request};
use crate::support::manifest::{Ingress, bare_service, documents, h2c_service, ingress, service};
use crate::support::settings::plan;
use http::Method;
use std::io::Write as _;

const PREFIX: &str = "nginx.ingress.kubernetes.io";

/// An Ingress of `a.test` with annotations.
fn site(annotations: &[(&str, &str)]) -> Ingress {
    let site = ingress("site").path("a.test", "Prefix", "/", "web");
    annotations.iter().fold(site, |site, (name, value)| site.annotation(&format!("{PREFIX}/{name}"), value))
}

/// A backend that answers the path `/500` with 500, and so on.
fn talkative() -> Backend {
    Backend::start(|received, stream| {
        let status = received.target().trim_start_matches('/').split('?').next().unwrap_or_default();
        let status = if status.is_empty() { "200" } else { status };
        let more = if status == "401" { "WWW-Authenticate: Basic realm=\"web\"\r\n" } else { "" };
        write!(stream, "HTTP/1.1 {status} Web\r\n{more}X-From: web\r\nContent-Length: 3\r\n\r\nweb")
    })
}

/// A backend that answers with the status it is asked about, and says so.
fn pages() -> Backend {
    Backend::start(|received, stream| {
        let code = received.head.header("x-code").unwrap_or("200").to_owned();
        let body = format!("page of {code}");
        let body = if received.head.first.starts_with("HEAD") { "" } else { &*body };
        write!(stream, "HTTP/1.1 {code} Page\r\nContent-Length: {}\r\n\r\n{body}", 11)
    })
}

struct Place {
    web: Backend,
    pages: Backend,
    edge: Edge,
}

/// `web` and `errors`, and a site with annotations.
fn place(annotations: &[(&str, &str)]) -> Place {
    let (web, pages) = (talkative(), pages());
    let text = documents([
        service("web", &[web.address]),
        service("errors", &[pages.address]),
        site(annotations).text(),
    ]);
    let edge = Edge::with(text);
    Place { web, pages, edge }
}

fn said(answer: &Response) -> (u16, String) {
    (answer.status, answer.text())
}

fn page(code: u16) -> (u16, String) {
    (code, format!("page of {code}"))
}

fn exchange(edge: &Edge, request: &str) -> Response {
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send(request).unwrap();
    connection.response_to(request.split(' ').next().unwrap()).unwrap()
}

const BOTH: [(&str, &str); 2] =
    [("custom-http-errors", "404,413, 500,502,503,401"), ("default-backend", "errors")];

#[test]
fn an_error_of_an_upstream_becomes_the_page_of_the_default_backend() {
    let Place { web, pages, edge } = place(&BOTH);
    assert_eq!(said(&edge.get("a.test", "/200")), (200, "web".into()));
    let answer = edge.get("a.test", "/404?q=1");
    assert_eq!(said(&answer), page(404));
    assert_eq!(answer.header("x-from"), None, "nothing of the upstream's answer is left");
    assert_eq!(said(&edge.get("a.test", "/403")), (403, "web".into()), "it is not listed");
    assert_eq!(pages.received().len(), 1);
    assert_eq!(web.received().len(), 3);
    let line = edge.logged("/404");
    assert_eq!((&line["status"], &line["error_status"]), (&404.into(), &404.into()));
}

#[test]
fn the_error_backend_is_told_what_happened_and_nothing_else() {
    let Place { web: _web, pages, edge } = place(&BOTH);
    let head = "GET /500?q=%20 HTTP/1.1\r\nHost: A.test:80\r\nAccept: application/json\r\nUser-Agent: test\r\n\
        Cookie: a=1\r\nAuthorization: Basic eA==\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: evil\r\n\
        X-Real-IP: 6.6.6.6\r\nX-Code: 1\r\nX-Namespace: evil\r\nRange: bytes=0-1\r\nIf-None-Match: \"x\"\r\n\
        X-Request-ID: the-id\r\n\r\n";
    assert_eq!(said(&exchange(&edge, head)), page(500));
    let Received { head, body } = pages.last();
    assert_eq!((&*head.first, body.len()), ("GET / HTTP/1.1", 0));
    for (name, value) in [
        ("host", Some("A.test:80")),
        ("x-code", Some("500")),
        ("x-format", Some("application/json")),
        ("x-original-uri", Some("/500?q=%20")),
        ("x-namespace", Some("test")),
        ("x-ingress-name", Some("site")),
        ("x-service-name", Some("web")),
        ("x-service-port", Some("80")),
        ("x-request-id", Some("the-id")),
        ("x-forwarded-for", Some("127.0.0.1")),
        ("user-agent", Some("test")),
        ("cookie", Some("a=1")),
        ("authorization", None),
        ("x-forwarded-proto", None),
        ("x-forwarded-host", None),
        ("x-scheme", None),
        ("x-real-ip", None),
        ("range", None),
        ("if-none-match", None),
        ("content-length", None),
        ("transfer-encoding", None),
    ] {
        assert_eq!(head.header(name), value, "{name}");
    }
}

#[test]
fn the_client_sees_the_status_of_the_error_backend_whatever_it_is() {
    let (web, pages) = (talkative(), Backend::named("all is well"));
    let edge = Edge::with(documents([
        service("web", &[web.address]),
        service("errors", &[pages.address]),
        site(&BOTH).text(),
    ]));
    assert_eq!(said(&edge.get("a.test", "/500")), (200, "all is well".into()));
    let line = edge.logged("/500");
    assert_eq!((&line["status"], &line["error_status"]), (&200.into(), &500.into()));
}

#[test]
fn methods_stay_and_bodies_do_not() {
    let Place { web, pages, edge } = place(&BOTH);
    let mut connection = Connection::open(edge.http).unwrap();
    for framing in
        ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
    {
        connection
            .send(format!("POST /500 HTTP/1.1\r\nHost: a.test\r\nContent-Type: text/x\r\n{framing}"))
            .unwrap();
        assert_eq!(said(&connection.response().unwrap()), page(500));
        let Received { head, body } = pages.last();
        assert_eq!((&*head.first, body.len()), ("POST / HTTP/1.1", 0));
        assert_eq!((head.header("content-length"), head.header("content-type")), (Some("0"), None));
        assert_eq!(web.last().body, b"hello");
    }
    connection.send("HEAD /500 HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
    assert_eq!(connection.response_to("HEAD").unwrap().status, 500);
    assert_eq!(pages.last().head.first, "HEAD / HTTP/1.1");
    assert_eq!(connection.get("a.test", "/200").unwrap().text(), "web", "the connection lives on");
}

#[test]
fn a_large_body_that_cannot_be_sent_again_does_not_hinder_the_page() {
    let Place { web: _web, pages, edge } = place(&BOTH);
    let body = "x".repeat(500_000);
    let head = format!("POST /500 HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    assert_eq!(said(&exchange(&edge, &head)), page(500));
    assert_eq!(pages.last().body.len(), 0);
}

#[test]
fn errors_of_the_gateway_itself_become_pages() {
    let pages = pages();
    let edge = Edge::with(documents([
        service("errors", &[pages.address]),
        service("web", &[refusing_address()]),
        site(&BOTH).text(),
        bare_service("empty"),
        BOTH.iter()
            .fold(ingress("empty").path("empty.test", "Prefix", "/", "empty"), |site, (name, value)| {
                site.annotation(&format!("{PREFIX}/{name}"), value)
            })
            .annotation(&format!("{PREFIX}/whitelist-source-range"), "10.0.0.0/8")
            .text(),
        ingress("closed")
            .annotation(&format!("{PREFIX}/custom-http-errors"), "403")
            .annotation(&format!("{PREFIX}/default-backend"), "errors")
            .annotation(&format!("{PREFIX}/denylist-source-range"), "127.0.0.0/8")
            .path("closed.test", "Prefix", "/", "web")
            .text(),
    ]));
    assert_eq!(said(&edge.get("a.test", "/connect")), page(502));
    let line = edge.logged("/connect");
    assert_eq!((&line["reason"], &line["error_status"]), (&"connect_failed".into(), &502.into()));
    assert_eq!(said(&edge.get("closed.test", "/ranges")), page(403));
    let line = edge.logged("/ranges");
    assert_eq!((&line["reason"], &line["status"]), (&"source_forbidden".into(), &403.into()));
    let large = "POST /large HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9000000\r\n\r\n";
    assert_eq!(said(&exchange(&edge, large)), page(413));
    assert_eq!(pages.last().head.header("x-original-uri"), Some("/large"));
}

#[test]
fn a_body_that_grows_too_large_on_its_way_becomes_a_page() {
    let Place { web: _web, pages: _pages, edge } = place(&BOTH);
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("POST /200 HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..17 {
        if connection.send(&chunk).is_err() {
            break;
        }
    }
    let answer = connection.response().unwrap();
    assert_eq!(said(&answer), page(413));
    assert_eq!(answer.header("connection"), Some("close"));
}

#[test]
fn a_timeout_becomes_a_page() {
    let (web, pages) = (
        Backend::start(|_, _| {
            std::thread::park();
            Ok(())
        }),
        pages(),
    );
    let edge = plan(
        documents([
            service("web", &[web.address]),
            service("errors", &[pages.address]),
            site(&[("custom-http-errors", "504"), ("default-backend", "errors")]).text(),
        ]),
        &[("proxy-read-timeout", "1"), ("proxy-next-upstream-tries", "1")],
    );
    let edge = edge.start();
    assert_eq!(said(&edge.get("a.test", "/slow")), page(504));
    assert_eq!(edge.logged("/slow")["reason"], "upstream_timeout");
}

#[test]
fn a_service_without_endpoints_is_replaced_by_the_default_backend() {
    let pages = pages();
    let edge = Edge::with(documents([
        bare_service("web"),
        service("errors", &[pages.address]),
        site(&[("default-backend", "errors")]).text(),
        ingress("missing")
            .annotation(&format!("{PREFIX}/default-backend"), "errors")
            .path("missing.test", "Prefix", "/", "nobody")
            .text(),
    ]));
    let head =
        "POST /shop/cart?id=1 HTTP/1.1\r\nHost: a.test\r\nAccept: text/x\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(said(&exchange(&edge, head)), page(503));
    let Received { head, body } = pages.last();
    assert_eq!((&*head.first, &*body), ("POST /shop/cart?id=1 HTTP/1.1", b"hello".as_slice()));
    for (name, value) in [
        ("x-code", "503"),
        ("x-format", "text/x"),
        ("x-namespace", "test"),
        ("x-ingress-name", "site"),
        ("x-service-name", "web"),
        ("x-service-port", "80"),
        ("x-real-ip", "127.0.0.1"),
        ("x-forwarded-host", "a.test"),
        ("x-forwarded-proto", "http"),
    ] {
        assert_eq!(head.header(name), Some(value), "{name}");
    }
    assert_eq!(edge.logged("/shop/cart")["reason"], "no_endpoints");
    assert_eq!(said(&edge.get("missing.test", "/")), page(503));
    edge.write("web.yaml", service("nobody", &[Backend::named("here").address]));
}

#[test]
fn a_service_that_gets_endpoints_is_asked_again() {
    let (web, pages) = (talkative(), pages());
    let edge = Edge::plan()
        .file("web.yaml", bare_service("web"))
        .file("site.yaml", documents([service("errors", &[pages.address]), site(&BOTH).text()]))
        .start();
    assert_eq!(said(&edge.get("a.test", "/")), page(503));
    edge.write("web.yaml", service("web", &[web.address]));
    edge.until_ask("a.test", "/", "web");
}

#[test]
fn errors_of_upstreams_pass_where_that_is_wanted_and_those_of_the_gateway_do_not() {
    let pass = [
        BOTH[0],
        BOTH[1],
        ("disable-proxy-intercept-errors", "true"),
        ("denylist-source-range", "10.0.0.0/8"),
    ];
    let Place { web, pages: _pages, edge } = place(&pass);
    assert_eq!(said(&edge.get("a.test", "/500")), (500, "web".into()));
    drop(web);
    assert_eq!(said(&edge.get("a.test", "/500")), page(502));
}

#[test]
fn a_challenge_survives_its_page() {
    let Place { web: _web, pages: _pages, edge } = place(&BOTH);
    let answer = edge.get("a.test", "/401");
    assert_eq!(said(&answer), page(401));
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"web\""));
}

#[test]
fn an_error_backend_that_fails_itself_leaves_the_error_as_it_was() {
    let web = talkative();
    let edge = Edge::with(documents([
        service("web", &[web.address]),
        service("errors", &[refusing_address()]),
        site(&BOTH).text(),
        ingress("loop")
            .annotation(&format!("{PREFIX}/custom-http-errors"), "500")
            .annotation(&format!("{PREFIX}/default-backend"), "web")
            .path("loop.test", "Prefix", "/", "web")
            .text(),
    ]));
    let answer = edge.get("a.test", "/404");
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("404 Not Found"), "{}", answer.text());
    assert_eq!(edge.get("loop.test", "/500").status, 200, "it is asked for /");
    let before = web.received().len();
    assert_eq!(edge.get("a.test", "/503").status, 503);
    assert_eq!(web.received().len(), before + 1, "nobody is asked twice");
}

#[test]
fn without_an_error_backend_the_client_gets_404() {
    let web = talkative();
    let edge = Edge::with(documents([
        service("web", &[web.address]),
        bare_service("errors"),
        site(&BOTH).text(),
        ingress("none")
            .annotation(&format!("{PREFIX}/custom-http-errors"), "503")
            .path("none.test", "Prefix", "/", "missing")
            .text(),
    ]));
    assert_eq!(edge.get("a.test", "/500").status, 404, "errors has no endpoints");
    let mut connection = Connection::open(edge.http).unwrap();
    for _ in 0..2 {
        let answer = connection.get("none.test", "/here").unwrap();
        assert_eq!(answer.status, 404);
    }
    let line = edge.logged("/here");
    assert_eq!(
        (&line["reason"], &line["status"], &line["error_status"]),
        (&"no_endpoints".into(), &404.into(), &503.into())
    );
}

#[test]
fn the_config_maps_list_and_the_gateways_default_backend_are_for_routes_without_their_own() {
    let (web, default, own) = (talkative(), pages(), Backend::named("own"));
    let text = documents([
        service("web", &[web.address]),
        service("default", &[default.address]),
        service("own", &[own.address]),
        ingress("plain").path("plain.test", "Prefix", "/", "web").text(),
        site(&[("custom-http-errors", "500"), ("default-backend", "own")]).text(),
    ]);
    let edge = plan(text, &[("custom-http-errors", "404,418, 302")]);
    let edge = edge.sync(&["--default-backend-service", "test/default"]).start();
    assert_eq!(said(&edge.get("plain.test", "/404")), page(404));
    assert_eq!(said(&edge.get("plain.test", "/302")), page(302), "3xx too, of upstreams");
    assert_eq!(said(&edge.get("plain.test", "/500")), (500, "web".into()));
    assert_eq!(said(&edge.get("a.test", "/500")), (200, "own".into()));
    assert_eq!(said(&edge.get("a.test", "/404")), (404, "web".into()), "its list replaces the other");
    let keys = [("custom-http-errors", "404"), ("disable-proxy-intercept-errors", "true")];
    edge.configure(&keys, "/error_pages/pass_upstream", true);
    assert_eq!(said(&edge.get("plain.test", "/404")), (404, "web".into()));
}

#[test]
fn a_redirect_of_the_gateway_is_no_error() {
    let web = talkative();
    let text = documents([
        service("web", &[web.address]),
        service("errors", &[pages().address]),
        site(&[("default-backend", "errors"), ("permanent-redirect", "http://b.test/")]).text(),
    ]);
    let edge = plan(text, &[("custom-http-errors", "301,302,308")]).start();
    assert_eq!(edge.get("a.test", "/").status, 301);
}

#[test]
fn a_websocket_that_is_refused_gets_its_page() {
    let Place { web: _web, pages, edge } = place(&BOTH);
    let gone = Edge::with(documents([
        service("web", &[refusing_address()]),
        service("errors", &[pages.address]),
        ingress("gone")
            .annotation(&format!("{PREFIX}/custom-http-errors"), "502")
            .annotation(&format!("{PREFIX}/default-backend"), "errors")
            .path("gone.test", "Prefix", "/", "web")
            .text(),
    ]));
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let head = format!("GET /none HTTP/1.1\r\nHost: gone.test\r\n{upgrade}\r\n");
    assert_eq!(said(&exchange(&gone, &head)), page(502));
    let head = format!("GET /500 HTTP/1.1\r\nHost: a.test\r\n{upgrade}\r\n");
    assert_eq!(said(&exchange(&edge, &head)), page(500));
    let head = pages.last().head;
    assert_eq!((head.header("upgrade"), head.header("connection")), (None, None));
}

#[test]
fn http2_clients_get_pages_too_and_h2c_backends_serve_them() {
    let (web, echo) = (talkative(), Echo::start("errors"));
    let edge = Edge::with(documents([
        service("web", &[web.address]),
        h2c_service("errors", echo.address),
        site(&BOTH).text(),
    ]));
    http2::run(async {
        let mut client = http2::connect(edge.https, "a.test").await;
        let answer = client.get("a.test", "/404").await.unwrap();
        let text = answer.text();
        assert_eq!(answer.status, 200, "{text}");
        let seen: serde_json::Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(text.contains("x-original-uri") && text.contains("/404"), "{seen}");
        let body = bytes::Bytes::from("x".repeat(200_000));
        let head = request(Method::POST, "a.test", "/500").body(()).unwrap();
        let answer = client.send(head, Some(body)).await.unwrap();
        // Too much of the body is gone to end it again, which HTTP/2 demands.
        assert_eq!(answer.status, 500, "{}", answer.text());
        assert!(answer.text().contains("Internal Server Error"), "{}", answer.text());
        let head = request(Method::POST, "a.test", "/500").body(()).unwrap();
        let answer = client.send(head, Some("small".into())).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    });
}

#[test]
fn an_error_backend_is_spoken_to_as_its_own_service_says() {
    let pages = pages();
    let secure = [BOTH[0], BOTH[1], ("backend-protocol", "HTTPS"), ("affinity", "cookie")];
    let edge = Edge::with(documents([
        service("web", &[refusing_address()]),
        service("errors", &[pages.address]),
        site(&secure).text(),
    ]));
    let answer = edge.get("a.test", "/");
    assert_eq!(said(&answer), page(502));
    assert_eq!(answer.header("set-cookie"), None, "a session with a page is none");
}
