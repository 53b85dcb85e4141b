//! The headers that upstreams and clients see (ingress-nginx: what its template sets, as seen on the running original).

use crate::support::backend::{Backend, Received};
use crate::support::edge::Edge;
use crate::support::http1::{Connection, Response};
use crate::support::manifest::site;
use crate::support::settings::{config_map, plan};
use crate::support::tls::offer;

/// Sends one request with further header lines and returns what the upstream got and the client was told.
fn exchange(edge: &Edge, backend: &Backend, lines: &str) -> (Received, Response) {
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send(format!("GET /p?q=1 HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n")).unwrap();
    let response = connection.response().unwrap();
    assert_eq!(response.status, 200, "{lines}");
    (backend.last(), response)
}

#[test]
fn the_upstream_is_told_who_asks_and_how() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let (received, _) = exchange(&edge, &backend, "User-Agent: test\r\nAccept-Encoding: br\r\n");
    for (name, value) in [
        ("host", "a.test"),
        ("x-real-ip", "127.0.0.1"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "a.test"),
        ("x-forwarded-port", "80"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-scheme", "http"),
        ("x-scheme", "http"),
        ("user-agent", "test"),
        ("accept-encoding", "br"),
    ] {
        assert_eq!(received.head.header(name), Some(value), "{name}");
    }
    assert_eq!(received.head.first, "GET /p?q=1 HTTP/1.1");
    assert_eq!(received.head.header("connection"), None, "connections to upstreams are kept");
    assert_eq!(received.head.header("x-original-forwarded-for"), None, "the client sent none");
}

#[test]
fn over_tls_scheme_and_port_say_so() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let mut connection = offer("a.test").connect(edge.https).unwrap().http1();
    assert_eq!(connection.get("a.test", "/").unwrap().status, 200);
    let received = backend.last();
    for (name, value) in [
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-scheme", "https"),
        ("x-scheme", "https"),
    ] {
        assert_eq!(received.head.header(name), Some(value), "{name}");
    }
}

#[test]
fn what_a_client_claims_about_itself_is_replaced() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let (received, _) = exchange(
        &edge,
        &backend,
        "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Port: 1\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Scheme: https\r\nX-Scheme: https\r\nX-Real-IP: 9.9.9.9\r\n\
         X-Original-Forwarded-For: 8.8.8.8\r\n",
    );
    for (name, value) in [
        ("x-real-ip", "127.0.0.1"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "a.test"),
        ("x-forwarded-port", "80"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-scheme", "http"),
        ("x-scheme", "http"),
        ("x-original-forwarded-host", "evil.test"),
    ] {
        assert_eq!(received.head.all(name), [value], "{name}");
    }
    let original = received.head.all("x-original-forwarded-for").concat();
    assert!(original.starts_with("1.2.3.4") && !original.contains("8.8.8.8"), "{original}");
}

#[test]
fn every_request_has_an_id_of_its_own_or_keeps_its_clients() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let id = |lines| exchange(&edge, &backend, lines).0.head.header("x-request-id").unwrap().to_owned();
    let (first, second) = (id(""), id(""));
    assert_ne!(first, second);
    for id in [first, second] {
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
    assert_eq!(id("X-Request-ID: from-the-client\r\n"), "from-the-client");
    let (_, response) = exchange(&edge, &backend, "");
    assert_eq!(response.header("x-request-id"), None, "the client is not told");
}

#[test]
fn hop_by_hop_fields_and_dangerous_names_stop_here() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let (received, _) = exchange(
        &edge,
        &backend,
        "Connection: keep-alive, X-Private\r\nKeep-Alive: 5\r\nTE: trailers\r\nX-Private: 1\r\nProxy: evil\r\n\
         X_Forwarded_For: 6.6.6.6\r\nsome_name: 1\r\nProxy-Connection: keep-alive\r\nX-Kept: yes\r\n",
    );
    for name in [
        "connection",
        "keep-alive",
        "te",
        "x-private",
        "proxy",
        "x_forwarded_for",
        "some_name",
        "proxy-connection",
    ] {
        assert_eq!(received.head.all(name), Vec::<&str>::new(), "{name} must not be forwarded");
    }
    assert_eq!(received.head.header("x-kept"), Some("yes"));
}

#[test]
fn repeated_fields_and_cookies_pass_unchanged() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    let (received, _) = exchange(
        &edge,
        &backend,
        "X-Two: 1\r\nX-Two: 2\r\nCookie: a=1; b=2\r\nAuthorization: Basic eA==\r\n",
    );
    assert_eq!(received.head.all("x-two"), ["1", "2"]);
    assert_eq!(received.head.header("cookie"), Some("a=1; b=2"));
    assert_eq!(received.head.header("authorization"), Some("Basic eA=="));
}

const ANSWER: &str = "HTTP/1.1 200 OK\r\nServer: secret/1.0\r\nX-Powered-By: php\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n\
    Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nStrict-Transport-Security: max-age=1\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\
    Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn the_client_sees_the_upstreams_headers_but_not_its_server() {
    let backend = Backend::saying(ANSWER);
    let edge = Edge::with(site("a.test", "web", backend.address));
    let (_, response) = exchange(&edge, &backend, "");
    assert_eq!(response.header("server"), None);
    assert_eq!(response.header("x-hop"), None, "named by the upstream's Connection");
    assert_eq!(response.header("x-powered-by"), Some("php"));
    // The engine writes its own; docs/compatibility.md says so.
    assert_eq!(response.head.all("date").len(), 1);
    assert_eq!(response.head.all("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(response.header("content-type"), Some("text/plain"));
}

#[test]
fn hsts_is_sent_over_tls_alone_and_replaces_the_upstreams() {
    let backend = Backend::saying(ANSWER);
    let edge = Edge::with(site("a.test", "web", backend.address));
    let over_tls = |host: &str| {
        let mut connection = offer(host).connect(edge.https).unwrap().http1();
        connection.get(host, "/").unwrap()
    };
    let want = Some("max-age=31536000; includeSubDomains");
    assert_eq!(over_tls("a.test").header("strict-transport-security"), want);
    let unknown = over_tls("unknown.test");
    assert_eq!((unknown.status, unknown.header("strict-transport-security")), (404, want));
    assert_eq!(edge.get("unknown.test", "/").header("strict-transport-security"), None);
    let plain = edge.get("a.test", "/");
    assert_ne!(plain.header("strict-transport-security"), want, "over HTTP none of ours is sent");
}

/// A plan with `add-headers` and `proxy-set-headers`.
fn with_lines(backend: &Backend, lines: &[(&str, &str)]) -> Edge {
    let names = [("add-headers", "test/lines"), ("proxy-set-headers", "test/lines")];
    plan(site("a.test", "web", backend.address), &names)
        .file("lines.yaml", config_map("lines", lines))
        .start()
}

#[test]
fn lines_of_the_operator_have_variables() {
    let backend = Backend::named("web");
    let lines = [
        ("X-Where", "$host$request_uri in $namespace"),
        ("X-Agent", "saw \"${http_user_agent}\""),
        ("X-Cookie", "$cookie_user"),
        ("X-Service", "$service_name:$service_port"),
        ("X-Price", "$5"),
    ];
    let edge = with_lines(&backend, &lines);
    let (received, response) =
        exchange(&edge, &backend, "User-Agent: my agent/1\r\nCookie: user=me; b=2\r\n");
    for (name, value) in [
        ("x-where", "a.test/p?q=1 in test"),
        ("x-agent", "saw \"my agent/1\""),
        ("x-cookie", "me"),
        ("x-service", "web:80"),
        ("x-price", "$5"),
    ] {
        assert_eq!(received.head.header(name), Some(value), "{name} for the upstream");
        assert_eq!(response.header(name), Some(value), "{name} for the client");
    }
    let (received, response) = exchange(&edge, &backend, "X-Cookie: claimed\r\n");
    assert_eq!(
        (received.head.header("x-cookie"), response.header("x-cookie")),
        (None, None),
        "empty is none"
    );
}

#[test]
fn an_unknown_variable_costs_its_own_line_alone() {
    let backend = Backend::named("web");
    let edge = with_lines(&backend, &[("X-Bad", "$upstream_addr"), ("X-Good", "$host")]);
    let (received, response) = exchange(&edge, &backend, "");
    assert_eq!((received.head.header("x-bad"), received.head.header("x-good")), (None, Some("a.test")));
    assert_eq!((response.header("x-bad"), response.header("x-good")), (None, Some("a.test")));
}

#[test]
fn no_variable_makes_a_second_line() {
    let backend = Backend::named("web");
    let edge = with_lines(&backend, &[("X-Path", "$uri")]);
    let answer = edge.get("a.test", "/a%0d%0aX-Evil:%201");
    assert_eq!(answer.header("x-evil"), None);
    if answer.status == 200 {
        assert_eq!(answer.header("x-path"), Some("/a%0D%0AX-Evil: 1"));
        assert_eq!(backend.last().head.header("x-evil"), None);
    }
}
