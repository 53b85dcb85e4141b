//! `server-alias`: further names of a host, and whose they are.

use crate::support::backend::Backend;
use crate::support::certificates::{KeyKind, make};
use crate::support::edge::Edge;
use crate::support::manifest::{documents, ingress, service};
use crate::support::tls::offer;

const ALIAS: &str = "nginx.ingress.kubernetes.io/server-alias";

/// Two Services, `web` and `other`, and these files.
fn edge(files: &[(&str, String)]) -> (Edge, [Backend; 2]) {
    let backends = [Backend::named("web"), Backend::named("other")];
    let services =
        documents([service("web", &[backends[0].address]), service("other", &[backends[1].address])]);
    let plan = Edge::plan().file("services.yaml", services);
    (files.iter().fold(plan, |plan, (name, text)| plan.file(name, text.clone())).start(), backends)
}

fn aliased(aliases: &str) -> String {
    ingress("web").annotation(ALIAS, aliases).path("a.test", "Prefix", "/x", "web").text()
}

#[test]
fn an_alias_serves_the_routes_of_its_host() {
    let site = aliased("b.test, *.c.test,~^shop[0-9]+\\\\.test$");
    let rest = ingress("rest").path("", "Prefix", "/", "other").text();
    let (edge, backends) = edge(&[("site.yaml", site), ("rest.yaml", rest)]);
    for host in ["a.test", "b.test", "B.TEST:80", "x.c.test", "x.y.c.test", "shop1.test", "SHOP22.test"] {
        assert_eq!(edge.ask(host, "/x"), "web", "{host}");
        assert_eq!(edge.ask(host, "/y"), "404", "{host} has the paths of its host and no others");
    }
    for host in ["c.test", "d.test", "shopx.test", "xshop1.test"] {
        assert_eq!(edge.ask(host, "/x"), "other", "{host}");
    }
    assert_eq!(edge.ask("b.test", "/x"), "web");
    assert_eq!(
        backends[0].last().head.header("host"),
        Some("b.test"),
        "the upstream sees the name that was asked for"
    );
    let config = edge.admin("/config").text();
    assert!(config.contains("\"alias_of\": \"a.test\""), "{config}");
}

#[test]
fn a_real_host_is_never_taken_by_an_alias_and_freed_when_it_goes() {
    let thief = aliased("victim.test,*.wild.test,*.test");
    let victim = ingress("victim")
        .path("victim.test", "Prefix", "/", "other")
        .path("*.wild.test", "Prefix", "/", "other")
        .text();
    let (edge, _backends) = edge(&[("thief.yaml", thief)]);
    assert_eq!(edge.ask("victim.test", "/x"), "web");
    assert_eq!(edge.ask("a.wild.test", "/x"), "web");
    edge.write("victim.yaml", victim);
    edge.until_ask("victim.test", "/x", "other");
    edge.until_ask("a.wild.test", "/x", "other");
    assert_eq!(
        edge.ask("b.a.wild.test", "/x"),
        "web",
        "the wildcard of a rule is one label; *.test has the rest"
    );
    assert_eq!(edge.ask("free.test", "/x"), "web");
    edge.remove("victim.yaml");
    edge.until_ask("victim.test", "/x", "web");
}

#[test]
fn the_oldest_claim_on_a_name_wins() {
    let site = |name: &str, created, service| {
        ingress(name)
            .created(created)
            .annotation(ALIAS, "x.test")
            .path(&format!("{name}.test"), "Prefix", "/", service)
            .text()
    };
    let (edge, _backends) = edge(&[
        ("new.yaml", site("new", "2026-02-01T00:00:00Z", "other")),
        ("old.yaml", site("old", "2026-01-01T00:00:00Z", "web")),
    ]);
    assert_eq!(edge.ask("x.test", "/"), "web");
    edge.remove("old.yaml");
    edge.until_ask("x.test", "/", "other");
}

#[test]
fn an_alias_shows_the_certificate_of_its_host_where_that_covers_it() {
    let pair = make("site", &["a.test", "b.test", "*.c.test"], KeyKind::Ecdsa, 30);
    let site = ingress("web")
        .annotation(ALIAS, "b.test,*.c.test,d.test")
        .tls(&["a.test"], "cert")
        .path("a.test", "Prefix", "/", "web");
    let (edge, _backends) = edge(&[("site.yaml", documents([pair.secret("cert"), site.text()]))]);
    for (name, covered) in
        [("a.test", true), ("b.test", true), ("x.c.test", true), ("d.test", false), ("y.x.c.test", false)]
    {
        assert_eq!(offer(name).common_name(edge.https) == "site", covered, "{name}");
    }
    let answer = offer("b.test").connect(edge.https).unwrap().http1().get("b.test", "/").unwrap();
    assert_eq!(answer.text(), "web");
}

#[test]
fn an_alias_follows_the_mode_and_the_root_of_its_host() {
    let site = ingress("web")
        .annotation(ALIAS, "b.test,*.c.test")
        .annotation("nginx.ingress.kubernetes.io/app-root", "/start")
        .annotation("nginx.ingress.kubernetes.io/use-regex", "true")
        .path("a.test", "ImplementationSpecific", "/v[0-9]+", "web")
        .text();
    let (edge, _backends) = edge(&[("site.yaml", site)]);
    for host in ["a.test", "b.test", "x.c.test"] {
        assert_eq!(edge.ask(host, "/V12/x"), "web", "{host}");
        let location = edge.get(host, "/").header("location").map(str::to_owned);
        assert_eq!(location, Some(format!("http://{host}/start")));
    }
}
