//! `from-to-www-redirect`: the other one of `host` and `www.host` redirects.

use crate::support::backend::Backend;
use crate::support::certificates::{KeyKind, make};
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::{documents, ingress, service};
use crate::support::tls::offer;

const WWW: &str = "nginx.ingress.kubernetes.io/from-to-www-redirect";

#[test]
fn every_request_goes_to_the_host_that_is_served_with_the_port_in_the_location() {
    let backend = Backend::named("web");
    let pair = make("site", &["a.test", "www.a.test"], KeyKind::Ecdsa, 30);
    let edge = Edge::with(documents([
        service("web", &[backend.address]),
        pair.secret("cert"),
        ingress("bare")
            .annotation(WWW, "true")
            .tls(&["a.test"], "cert")
            .path("a.test", "Prefix", "/", "web")
            .text(),
        ingress("www").annotation(WWW, "true").path("www.b.test", "Prefix", "/", "web").text(),
    ]));
    for (host, target, location) in [
        ("www.a.test", "/", "http://a.test:80"),
        ("www.a.test", "/path?query", "http://a.test:80/path?query"),
        ("www.a.test", "/path/", "http://a.test:80/path"),
        ("www.a.test", "/path//", "http://a.test:80/path/"),
        ("www.a.test", "/a%20b?c=%0d%0a", "http://a.test:80/a%20b?c=%0d%0a"),
        ("WWW.a.test:8080", "/x", "http://a.test:80/x"),
        ("b.test", "/x", "http://www.b.test:80/x"),
    ] {
        let answer = edge.get(host, target);
        assert_eq!((answer.status, answer.header("location")), (308, Some(location)), "{host}{target}");
    }
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send("POST /form HTTP/1.1\r\nHost: b.test\r\nContent-Length: 3\r\n\r\nx=1").unwrap();
    assert_eq!(connection.response().unwrap().status, 308, "whatever the method");
    assert_eq!(edge.ask("www.b.test", "/x"), "web");
    assert_eq!(offer("www.a.test").common_name(edge.https), "site", "covered by the host's certificate");
    let answer = offer("www.a.test").connect(edge.https).unwrap().http1().get("www.a.test", "/x/").unwrap();
    assert_eq!((answer.status, answer.header("location")), (308, Some("https://a.test:443/x")));
    assert!(answer.header("strict-transport-security").is_some());
    assert!(edge.admin("/config").text().contains("\"redirects_to\": \"a.test\""));
}

#[test]
fn a_host_that_rules_name_is_not_redirected() {
    let backend = Backend::named("web");
    let edge = Edge::plan()
        .file("service.yaml", service("web", &[backend.address]))
        .file(
            "bare.yaml",
            ingress("bare").annotation(WWW, "true").path("a.test", "Prefix", "/", "web").text(),
        )
        .file("www.yaml", ingress("www").path("www.a.test", "Prefix", "/", "web").text())
        .start();
    assert_eq!(edge.ask("www.a.test", "/"), "web");
    edge.remove("www.yaml");
    edge.until_ask("www.a.test", "/", "308");
    assert_eq!(edge.ask("a.test", "/"), "web");
    edge.remove("bare.yaml");
    edge.until_ask("www.a.test", "/", "404");
}
