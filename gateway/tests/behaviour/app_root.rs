//! `app-root`: the root of a host redirects.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::http2;
use crate::support::manifest::{documents, ingress, service};
use crate::support::tls::offer;

const APP_ROOT: &str = "nginx.ingress.kubernetes.io/app-root";

fn edge() -> (Edge, Backend) {
    let backend = Backend::named("web");
    let site = ingress("web").annotation(APP_ROOT, "/app/start").path("a.test", "Prefix", "/app", "web");
    (Edge::with(documents([service("web", &[backend.address]), site.text()])), backend)
}

#[test]
fn exactly_the_root_is_redirected_even_without_a_path_for_it() {
    let (edge, _backend) = edge();
    for target in ["/", "/?x=1", "//", "/./", "/a/.."] {
        let answer = edge.get("a.test", target);
        let location = answer.header("location").unwrap_or_default();
        assert_eq!((answer.status, location), (302, "http://a.test/app/start"), "{target}");
    }
    assert_eq!(edge.ask("a.test", "/app/start"), "web");
    assert_eq!(edge.ask("a.test", "/other"), "404");
    assert_eq!(edge.ask("b.test", "/"), "404");
}

#[test]
fn the_host_is_the_one_the_client_wrote_with_its_port() {
    let (edge, _backend) = edge();
    let answer = edge.get("A.test:8080", "/");
    assert_eq!(answer.header("location"), Some("http://A.test:8080/app/start"));
    let mut connection = Connection::open(edge.http).unwrap();
    connection
        .send("POST / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-Proto: https\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    let answer = connection.response().unwrap();
    assert_eq!(answer.header("location"), Some("http://a.test/app/start"), "the scheme is the connection's");
    let answer = offer("a.test").connect(edge.https).unwrap().http1().get("a.test", "/").unwrap();
    assert_eq!(answer.header("location"), Some("https://a.test/app/start"));
    assert!(answer.header("strict-transport-security").is_some());
    let location = http2::run(async {
        let mut client = http2::connect(edge.https, "a.test").await;
        client.get("a.test:8443", "/").await.unwrap().headers["location"].clone()
    });
    assert_eq!(location, "https://a.test:8443/app/start");
}

#[test]
fn the_oldest_ingress_of_the_host_decides() {
    let backend = Backend::named("web");
    let site = |name: &str, created, root| {
        ingress(name).created(created).annotation(APP_ROOT, root).path(
            "a.test",
            "Prefix",
            &format!("/{name}"),
            "web",
        )
    };
    let edge = Edge::plan()
        .file("service.yaml", service("web", &[backend.address]))
        .file("new.yaml", site("new", "2026-02-01T00:00:00Z", "/new").text())
        .file("old.yaml", site("old", "2026-01-01T00:00:00Z", "/old").text())
        .start();
    assert_eq!(edge.get("a.test", "/").header("location"), Some("http://a.test/old"));
    edge.remove("old.yaml");
    edge.until_ask("a.test", "/old", "404");
    assert_eq!(edge.get("a.test", "/").header("location"), Some("http://a.test/new"));
    assert!(edge.admin("/config").text().contains("\"app_root\": \"/new\""));
}
