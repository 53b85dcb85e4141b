//! Where requests go that no path takes: the Ingress' own default backend, the gateway's, or 404.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::manifest::{documents, ingress, service};

#[test]
fn an_ingress_of_nothing_but_a_default_backend_takes_every_unknown_host() {
    let (web, fallback) = (Backend::named("web"), Backend::named("fallback"));
    let edge = Edge::with(documents([
        service("web", &[web.address]),
        service("fallback", &[fallback.address]),
        ingress("web").path("a.test", "Prefix", "/web", "web").text(),
        ingress("all").default_backend("fallback").text(),
    ]));
    assert_eq!(edge.ask("a.test", "/web"), "web");
    assert_eq!(edge.ask("unknown.test", "/any/path"), "fallback");
}

#[test]
fn a_default_backend_beside_rules_serves_the_hosts_of_its_rules_alone() {
    let (web, fallback) = (Backend::named("web"), Backend::named("fallback"));
    let edge = Edge::with(documents([
        service("web", &[web.address]),
        service("fallback", &[fallback.address]),
        ingress("web").path("a.test", "Prefix", "/web", "web").default_backend("fallback").text(),
        ingress("other").path("b.test", "Prefix", "/web", "web").text(),
    ]));
    assert_eq!(edge.ask("a.test", "/web"), "web");
    assert_eq!(edge.ask("a.test", "/elsewhere"), "fallback");
    assert_eq!(edge.ask("b.test", "/elsewhere"), "404");
    assert_eq!(edge.ask("unknown.test", "/"), "404");
}

#[test]
fn the_gateways_default_backend_takes_what_nobody_else_does() {
    let names = ["web", "own", "fallback"];
    let backends = names.map(Backend::named);
    let services = names.iter().zip(&backends).map(|(name, backend)| service(name, &[backend.address]));
    let ingresses = [
        ingress("web").path("a.test", "Prefix", "/web", "web").text(),
        ingress("own").path("b.test", "Prefix", "/web", "web").default_backend("own").text(),
    ];
    let edge = Edge::plan()
        .file("site.yaml", documents(services.chain(ingresses)))
        .sync(&["--default-backend-service", "test/fallback"])
        .start();
    assert_eq!(edge.ask("a.test", "/web"), "web");
    assert_eq!(edge.ask("a.test", "/elsewhere"), "fallback");
    assert_eq!(edge.ask("unknown.test", "/"), "fallback");
    assert_eq!(edge.ask("b.test", "/elsewhere"), "own", "an Ingress' own default backend comes first");
}

#[test]
fn a_default_backend_without_endpoints_is_503() {
    let edge = Edge::plan().sync(&["--default-backend-service", "test/nobody"]).start();
    assert_eq!(edge.ask("unknown.test", "/"), "503");
}

#[test]
fn the_oldest_of_two_default_backends_wins() {
    let (old, young) = (Backend::named("old"), Backend::named("young"));
    let edge = Edge::plan()
        .file(
            "old.yaml",
            documents([
                service("old", &[old.address]),
                ingress("old").created("2024-01-01T00:00:00Z").default_backend("old").text(),
            ]),
        )
        .file(
            "young.yaml",
            documents([
                service("young", &[young.address]),
                ingress("young").created("2025-01-01T00:00:00Z").default_backend("young").text(),
            ]),
        )
        .start();
    assert_eq!(edge.ask("unknown.test", "/"), "old");
    edge.remove("old.yaml");
    edge.until_ask("unknown.test", "/", "young");
}

#[test]
fn load_balancers_can_check_a_path_of_hosts_that_no_ingress_names() {
    let backend = Backend::named("web");
    let edge = Edge::with(documents([
        service("web", &[backend.address]),
        ingress("named").path("a.test", "Prefix", "/shop", "web").text(),
    ]));
    let status = |host: &str, path: &str| edge.get(host, path).status;
    assert_eq!(status("10.0.0.1", "/healthz"), 200);
    assert_eq!(status("10.0.0.1", "/healthz/"), 200);
    assert_eq!(status("10.0.0.1", "/healthzz"), 404);
    assert_eq!(status("a.test", "/healthz"), 404, "a host of an Ingress has the paths that it says");
    edge.write("any.yaml", ingress("any").path("", "Prefix", "/", "web").text());
    edge.until_ask("10.0.0.1", "/x", "web");
    assert_eq!(edge.get("10.0.0.1", "/healthz").header("content-length"), Some("0"), "not the application's");
    edge.write("any.yaml", ingress("any").path("", "Prefix", "/healthz", "web").text());
    edge.until_ask("10.0.0.1", "/healthz", "web");
}
