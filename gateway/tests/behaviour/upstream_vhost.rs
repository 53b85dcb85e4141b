//! `upstream-vhost`: the Host that the upstream sees.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::manifest::{documents, h2c_service, ingress, service};

const VHOST: &str = "nginx.ingress.kubernetes.io/upstream-vhost";

/// The Host the upstream gets for a request for `/p%20q?x=1` of `A.test:8080`.
fn host_seen(value: &str) -> String {
    let backend = Backend::named("web");
    let site = ingress("site").annotation(VHOST, value).path("a.test", "Prefix", "/", "web");
    let edge = Edge::with(documents([service("web", &[backend.address]), site.text()]));
    assert_eq!(edge.ask("A.test:8080", "/p%20q?x=1"), "web");
    let head = backend.last().head;
    assert_eq!(head.header("x-forwarded-host"), Some("A.test:8080"), "it keeps the client's host");
    assert_eq!(head.all("host").len(), 1);
    head.header("host").unwrap().to_owned()
}

#[test]
fn a_fixed_name_and_every_variable_arrive() {
    assert_eq!(host_seen("internal.example:8443"), "internal.example:8443");
    assert_eq!(
        host_seen("$service_name.$namespace.svc.cluster.local:$service_port"),
        "web.test.svc.cluster.local:80"
    );
    assert_eq!(host_seen("${ingress_name}-$host-$http_host-$scheme"), "site-a.test-A.test:8080-http");
    assert_eq!(host_seen("$request_method:$request_uri:$args"), "GET:/p%20q?x=1:x=1");
    assert_eq!(host_seen("$uri"), "/p%20q", "what is no visible ASCII is escaped");
    assert_eq!(host_seen("$proxy_upstream_name/$location_path/$server_name"), "test-web-80///a.test");
    assert_eq!(host_seen("$remote_addr"), "127.0.0.1");
}

#[test]
fn a_value_that_cannot_be_used_leaves_the_host_alone() {
    assert_eq!(host_seen("$upstream_addr.evil"), "A.test:8080");
    assert_eq!(host_seen("$1"), "A.test:8080");
}

#[test]
fn a_value_with_a_bad_character_rejects_the_ingress() {
    let backend = Backend::named("web");
    let site = ingress("site").annotation(VHOST, "a b").path("a.test", "Prefix", "/", "web");
    let edge = Edge::with(documents([service("web", &[backend.address]), site.text()]));
    assert_eq!(edge.ask("a.test", "/"), "404");
}

#[test]
fn an_upstream_that_speaks_h2c_sees_it_too() {
    let echo = crate::support::echo::Echo::start("web");
    let site = ingress("site").annotation(VHOST, "inside.test").path("a.test", "Prefix", "/", "web");
    let edge = Edge::with(documents([h2c_service("web", echo.address), site.text()]));
    let text = edge.get("a.test", "/").text();
    assert!(text.contains("inside.test"), "{text}");
}
