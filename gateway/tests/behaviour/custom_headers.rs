//! `custom-headers`: headers of answers, from a ConfigMap that the Ingress names.

use crate::support::backend::Backend;
use crate::support::edge::{Edge, Plan};
use crate::support::manifest::{documents, ingress, service};
use crate::support::settings::{config_map, plan};
use crate::support::until;

const NAME: &str = "nginx.ingress.kubernetes.io/custom-headers";
const ALLOWED: (&str, &str) = ("global-allowed-response-headers", "X-One,X-Empty, X-From");

fn site(backend: &Backend, headers: &[(&str, &str)]) -> Plan {
    let text = documents([
        service("web", &[backend.address]),
        ingress("site").annotation(NAME, "headers").path("a.test", "Prefix", "/", "web").text(),
        ingress("other").path("b.test", "Prefix", "/", "web").text(),
    ]);
    plan(text, &[ALLOWED]).file("headers.yaml", config_map("headers", headers))
}

fn backend() -> Backend {
    Backend::saying(
        "HTTP/1.1 200 OK\r\nX-From: web\r\nX-From: again\r\nX-Empty: web\r\nContent-Length: 0\r\n\r\n",
    )
}

#[test]
fn they_replace_the_upstreams_on_the_routes_of_their_ingress_alone() {
    let backend = backend();
    let edge =
        site(&backend, &[("X-One", "costs $5 for $host"), ("X-From", "here"), ("X-Empty", "")]).start();
    let answer = edge.get("a.test", "/");
    assert_eq!(answer.header("x-one"), Some("costs $5 for $host"), "$ is a letter like any other");
    assert_eq!((answer.header("x-from"), answer.header("x-empty")), (Some("here"), None));
    assert_eq!(edge.get("b.test", "/").header("x-one"), None);
}

#[test]
fn what_is_not_allowed_closes_the_ingress_until_it_is() {
    let backend = backend();
    let edge = site(&backend, &[("x-one", "1")]).start();
    assert_eq!(edge.ask("a.test", "/"), "503", "letters count: x-one is not X-One");
    assert_eq!(edge.get("b.test", "/").status, 200);
    edge.write("headers.yaml", config_map("headers", &[("X-One", "1")]));
    until("the header is allowed", || edge.get("a.test", "/").status == 200);
    assert_eq!(edge.get("a.test", "/").header("x-one"), Some("1"));
    edge.write("headers.yaml", config_map("headers", &[("X-One", "2")]));
    until("the header is changed", || edge.get("a.test", "/").header("x-one") == Some("2"));
    edge.remove("headers.yaml");
    until("the ConfigMap is missed", || edge.get("a.test", "/").status == 503);
}

#[test]
fn the_operator_takes_back_what_was_allowed() {
    let backend = backend();
    let edge = site(&backend, &[("X-One", "1")]).start();
    assert_eq!(edge.get("a.test", "/").status, 200);
    edge.write("settings.yaml", config_map("settings", &[("global-allowed-response-headers", "X-Two")]));
    until("the header is refused", || edge.get("a.test", "/").status == 503);
    let _: &Edge = &edge;
}
