//! `rewrite-target` and `x-forwarded-prefix`: what the upstream sees instead of the path.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::{Connection, Response};
use crate::support::http2;
use crate::support::manifest::{Ingress, documents, h2c_service, ingress, service};
use std::time::{Duration, Instant};

const REWRITE: &str = "nginx.ingress.kubernetes.io/rewrite-target";
const PREFIX: &str = "nginx.ingress.kubernetes.io/x-forwarded-prefix";

fn edge(ingresses: &[Ingress]) -> (Edge, Backend) {
    let backend = Backend::named("web");
    let objects = std::iter::once(service("web", &[backend.address]));
    (Edge::with(documents(objects.chain(ingresses.iter().map(Ingress::text)))), backend)
}

fn rewriting(path: &str, target: &str) -> Ingress {
    ingress("web").annotation(REWRITE, target).path("a.test", "ImplementationSpecific", path, "web")
}

/// What the upstream was asked for.
fn seen(edge: &Edge, backend: &Backend, target: &str) -> String {
    assert_eq!(edge.ask("a.test", target), "web", "{target}");
    backend.last().target().to_owned()
}

#[test]
fn groups_of_the_path_make_the_new_path_and_the_query_stays() {
    let (edge, backend) = edge(&[rewriting("/something(/|$)(.*)", "/$2")]);
    for (target, want) in [
        ("/something", "/"),
        ("/something/", "/"),
        ("/something/new", "/new"),
        ("/SOMETHING/New/x", "/New/x"),
        ("/something/new?a=1&b=%2F", "/new?a=1&b=%2F"),
        ("/something?a=1", "/?a=1"),
        ("/something/x?", "/x"),
        ("//something//x", "/x"),
        ("/a/../something/x", "/x"),
    ] {
        assert_eq!(seen(&edge, &backend, target), want, "{target}");
    }
    assert_eq!(edge.ask("a.test", "/somethingelse"), "404", "the group wants a slash or the end");
    assert_eq!(edge.ask("a.test", "/"), "404");
}

#[test]
fn the_target_replaces_the_whole_path_and_is_escaped_again() {
    let (edge, backend) = edge(&[rewriting("/in/(.*)", "/out/$1")]);
    for (target, want) in [
        ("/in/a%20b", "/out/a%20b"),
        ("/in/a%2520b", "/out/a%2520b"),
        ("/in/a%3Fb%23c", "/out/a%3Fb%23c"),
        ("/in/%C3%BC", "/out/%C3%BC"),
        ("/in/caf%E9", "/out/caf%E9"),
        ("/in/a%2Fb", "/out/a/b"),
        ("/in/%5B(x)%5D;y=z,!'*@:~", "/out/[x]".replace("[x]", "[(x)];y=z,!'*@:~").as_str()),
        ("/in/%7Bx%7D%7C%5E%60%22%3C%3E%5C", "/out/%7Bx%7D%7C%5E%60%22%3C%3E%5C"),
    ] {
        assert_eq!(seen(&edge, &backend, target), want, "{target}");
    }
    for target in ["/in/a%0d%0aX:%201", "/in/%00", "/in/%C2%85", "/in/../../x"] {
        assert_eq!(edge.ask("a.test", target), "400", "{target}");
    }
}

#[test]
fn a_plain_path_is_replaced_whatever_follows_it() {
    let (edge, backend) = edge(&[rewriting("/foo", "/")]);
    assert_eq!(seen(&edge, &backend, "/foo/bar"), "/", "not /bar: the target is the whole new path");
    assert_eq!(seen(&edge, &backend, "/FOObar?x=1"), "/?x=1", "regex mode: open at the end, any case");
}

#[test]
fn a_target_equal_to_the_path_changes_nothing() {
    let (edge, backend) = edge(&[rewriting("/app", "/app")]);
    assert_eq!(seen(&edge, &backend, "/app/x%2Fy"), "/app/x%2Fy", "the raw path goes upstream");
    assert_eq!(edge.ask("a.test", "/APP"), "404", "and the host is in normal mode");
    assert_eq!(edge.ask("a.test", "/apple"), "404");
}

#[test]
fn groups_that_are_missing_are_empty_and_a_path_always_starts_with_a_slash() {
    let (edge, backend) = edge(&[
        rewriting("/a(b)?c", "/x$1y$9z$10"),
        ingress("bare").annotation(REWRITE, "$1").path("a.test", "ImplementationSpecific", "/p(.*)", "web"),
    ]);
    assert_eq!(seen(&edge, &backend, "/ac"), "/xyz0");
    assert_eq!(seen(&edge, &backend, "/abc"), "/xbyzb0");
    assert_eq!(seen(&edge, &backend, "/p"), "/");
    assert_eq!(seen(&edge, &backend, "/p/q"), "/q");
    assert_eq!(seen(&edge, &backend, "/pq"), "/q");
    assert_eq!(seen(&edge, &backend, "/p%20q"), "/%20q");
}

#[test]
fn variables_are_expanded() {
    let (edge, backend) = edge(&[rewriting("/v(.*)", "/$namespace/$service_name/$service_port/$host$1")]);
    assert_eq!(seen(&edge, &backend, "/v/x"), "/test/web/80/a.test/x");
}

#[test]
fn the_prefix_that_is_gone_is_told_where_a_path_is_rewritten() {
    let (edge, backend) = edge(&[
        rewriting("/(v[0-9]+)?(/.*)?", "/$2").annotation(PREFIX, "/$1"),
        ingress("plain").annotation(PREFIX, "/never").path("b.test", "Prefix", "/", "web"),
    ]);
    assert_eq!(seen(&edge, &backend, "/v2/x"), "//x");
    assert_eq!(backend.last().head.header("x-forwarded-prefix"), Some("/v2"));
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("GET /v3 HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-Prefix: /mine\r\n\r\n").unwrap();
    assert_eq!(connection.response().unwrap().status, 200);
    assert_eq!(backend.last().head.all("x-forwarded-prefix"), ["/v3"], "it is ours to say");
    assert_eq!(edge.ask("b.test", "/"), "web");
    assert_eq!(backend.last().head.header("x-forwarded-prefix"), None);
}

#[test]
fn no_request_can_put_a_line_end_into_the_prefix() {
    let (edge, backend) = edge(&[rewriting("/(.*)", "/$1").annotation(PREFIX, "/$1")]);
    assert_eq!(seen(&edge, &backend, "/a%20b%C3%BC"), "/a%20b%C3%BC");
    assert_eq!(backend.last().head.header("x-forwarded-prefix"), Some("/a%20b%C3%BC"));
}

#[test]
fn a_target_with_a_scheme_redirects() {
    let (edge, _backend) = edge(&[rewriting("/old/(.*)", "https://new.test/$1")]);
    let location = |answer: &Response| answer.header("location").map(str::to_owned);
    let answer = edge.get("a.test", "/old/x?y=1");
    assert_eq!((answer.status, location(&answer).as_deref()), (302, Some("https://new.test/x?y=1")));
    let answer = edge.get("a.test", "/old/x%20y");
    assert_eq!(location(&answer).as_deref(), Some("https://new.test/x%20y"));
}

#[test]
fn upstreams_of_http2_and_websockets_are_rewritten_too() {
    let backend = Backend::start(|request, stream| {
        use std::io::Write as _;
        let body = request.target();
        stream
            .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
    });
    let edge = Edge::with(documents([
        service("web", &[backend.address]),
        rewriting("/ws(/.*)", "/socket$1").text(),
    ]));
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send("GET /ws/x?y HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: aW5nb3JhLXF1aWNrc3RhcnQ=\r\n\r\n")
        .unwrap();
    assert_eq!(connection.response().unwrap().text(), "/socket/x?y");
    let text = http2::run(async {
        let mut client = http2::connect(edge.https, "a.test").await;
        client.get("a.test", "/ws/h2?z=1").await.unwrap().text()
    });
    assert_eq!(text, "/socket/h2?z=1");
}

#[test]
fn an_upstream_that_speaks_h2c_gets_the_rewritten_path() {
    let echo = crate::support::echo::Echo::start("web");
    let edge =
        Edge::with(documents([h2c_service("web", echo.address), rewriting("/in(/.*)", "/out$1").text()]));
    let answer = edge.get("a.test", "/in/x?q=1");
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("/out/x?q=1"), "{}", answer.text());
}

#[test]
fn a_bad_value_is_ignored_and_the_host_stays_as_it_is() {
    let (edge, backend) = edge(&[rewriting("/x", "/y?z=1")]);
    assert_eq!(seen(&edge, &backend, "/x/1"), "/x/1");
    assert_eq!(edge.ask("a.test", "/xy"), "404");
}

#[test]
fn a_hostile_pattern_and_a_long_path_cost_little() {
    let (edge, backend) = edge(&[rewriting("/(a|a|aa)*(a*)*(.*)b", "/$1$2$3$3$3$3")]);
    let long = format!("/{}", "a".repeat(7_000));
    let started = Instant::now();
    assert_eq!(edge.ask("a.test", &long), "404");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(seen(&edge, &backend, &format!("{long}b")).starts_with('/'));
}

#[test]
fn a_target_that_multiplies_a_long_path_is_refused_and_not_sent() {
    let (edge, _backend) = edge(&[rewriting("/m(.*)", &format!("/{}", "$1".repeat(500)))]);
    assert_eq!(edge.ask("a.test", "/mx"), "web");
    assert_eq!(edge.ask("a.test", &format!("/m{}", "x".repeat(5_000))), "500");
}
