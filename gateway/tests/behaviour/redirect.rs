//! `permanent-redirect`, `temporal-redirect`, and the redirect to a path with its slash.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::{Connection, Response};
use crate::support::manifest::{Ingress, bare_service, documents, ingress, service};
use crate::support::tls::offer;

fn with(ingress: Ingress, annotations: &[(&str, &str)]) -> Ingress {
    let prefix = "nginx.ingress.kubernetes.io";
    annotations
        .iter()
        .fold(ingress, |ingress, (name, value)| ingress.annotation(&format!("{prefix}/{name}"), value))
}

fn site(name: &str, annotations: &[(&str, &str)]) -> String {
    with(ingress(name), annotations).path(&format!("{name}.test"), "Prefix", "/", "web").text()
}

/// Status and Location.
fn told(answer: &Response) -> (u16, Option<&str>) {
    (answer.status, answer.header("location"))
}

#[test]
fn every_request_is_sent_to_the_one_place() {
    let edge = Edge::with(documents([
        bare_service("web"),
        site("p", &[("permanent-redirect", "https://b.test/x?y=1")]),
        site("p308", &[("permanent-redirect", "https://b.test"), ("permanent-redirect-code", "308")]),
        site("t", &[("temporal-redirect", "http://b.test/")]),
        site("t307", &[("temporal-redirect", "http://b.test"), ("temporal-redirect-code", "307")]),
        site("both", &[("temporal-redirect", "https://t.test"), ("permanent-redirect", "https://p.test")]),
        site("odd", &[("permanent-redirect", "https://b.test"), ("permanent-redirect-code", "304")]),
    ]));
    for (host, want) in [
        ("p.test", (301, "https://b.test/x?y=1")),
        ("p308.test", (308, "https://b.test")),
        ("t.test", (302, "http://b.test/")),
        ("t307.test", (307, "http://b.test")),
        ("both.test", (302, "https://t.test")),
        ("odd.test", (304, "https://b.test")),
    ] {
        for target in ["/", "/some/path?query=1"] {
            assert_eq!(told(&edge.get(host, target)), (want.0, Some(want.1)), "{host}{target}");
        }
    }
    let answer = edge.get("p.test", "/logged");
    assert!(answer.text().contains("301 Moved Permanently"), "{}", answer.text());
    assert_eq!(edge.logged("/logged")["reason"], "redirect");
    let mut connection = Connection::open(edge.http).unwrap();
    for method in ["POST", "OPTIONS"] {
        connection.send(format!("{method} / HTTP/1.1\r\nHost: t.test\r\nContent-Length: 0\r\n\r\n")).unwrap();
        assert_eq!(connection.response().unwrap().status, 302, "{method}, on a connection that is kept");
    }
}

#[test]
fn a_redirect_comes_before_that_to_https() {
    let secure =
        with(ingress("a"), &[("permanent-redirect", "http://b.test"), ("force-ssl-redirect", "true")])
            .tls(&["a.test"], "missing")
            .path("a.test", "Prefix", "/", "web");
    let edge = Edge::with(documents([bare_service("web"), secure.text()]));
    assert_eq!(told(&edge.get("a.test", "/")), (301, Some("http://b.test")));
    let over_tls = offer("a.test").connect(edge.https).unwrap().http1().get("a.test", "/").unwrap();
    assert_eq!(told(&over_tls), (301, Some("http://b.test")));
    assert!(over_tls.header("strict-transport-security").is_some());
}

#[test]
fn a_path_becomes_a_url_of_the_host_that_was_asked_for() {
    let to = ("permanent-redirect", "/other?x=1");
    let edge = Edge::plan()
        .file(
            "site.yaml",
            documents([
                bare_service("web"),
                site("plain", &[to]),
                site("port", &[to, ("use-port-in-redirects", "true")]),
                site("relative", &[to, ("relative-redirects", "true")]),
            ]),
        )
        .gateway(&["--http-port", "8080"])
        .start();
    for (host, location) in [
        ("plain.test", "http://plain.test/other?x=1"),
        ("port.test", "http://port.test:8080/other?x=1"),
        ("relative.test", "/other?x=1"),
    ] {
        assert_eq!(told(&edge.get(host, "/")), (301, Some(location)));
    }
    let over_tls = offer("port.test").connect(edge.https).unwrap().http1().get("port.test", "/").unwrap();
    assert_eq!(told(&over_tls), (301, Some("https://port.test/other?x=1")), "443 is implied");
}

#[test]
fn the_slash_at_the_end_is_added_as_the_ingress_says() {
    let web = Backend::named("web");
    let site = |name: &str, annotations: &[(&str, &str)]| {
        with(ingress(name), annotations).path(&format!("{name}.test"), "Prefix", "/dir/", "web").text()
    };
    let edge = Edge::plan()
        .file(
            "site.yaml",
            documents([
                service("web", &[web.address]),
                site("plain", &[]),
                site("port", &[("use-port-in-redirects", "true")]),
                site("relative", &[("relative-redirects", "true"), ("use-port-in-redirects", "true")]),
            ]),
        )
        .gateway(&["--http-port", "8080"])
        .start();
    for (host, target, location) in [
        ("plain.test", "/dir?q=1", "http://plain.test/dir/?q=1"),
        ("port.test", "/dir", "http://port.test:8080/dir/"),
        ("relative.test", "/dir?q=1", "/dir/?q=1"),
        ("relative.test", "//dir", "/dir/"),
        ("plain.test", "//dir", "http://plain.test//dir/"),
    ] {
        assert_eq!(told(&edge.get(host, target)), (301, Some(location)), "{host}{target}");
        assert_eq!(edge.ask(host, "/dir/"), "web");
    }
}

#[test]
fn a_value_of_two_lines_is_not_served() {
    let edge = Edge::with(documents([
        bare_service("web"),
        site("evil", &[("permanent-redirect", "https://b.test\\r\\nX-Evil: 1")]),
        site("good", &[("permanent-redirect", "https://b.test")]),
    ]));
    assert_eq!(edge.ask("evil.test", "/"), "404");
    assert_eq!(edge.ask("good.test", "/"), "301");
}
