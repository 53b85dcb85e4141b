//! `use-regex`, and the regex mode of a host that it and `rewrite-target` switch on.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::manifest::{documents, ingress, service};

const USE_REGEX: &str = "nginx.ingress.kubernetes.io/use-regex";
const REWRITE: &str = "nginx.ingress.kubernetes.io/rewrite-target";

fn edge(names: &[&str], files: &[(&str, String)]) -> (Edge, Vec<Backend>) {
    let backends: Vec<_> = names.iter().map(|name| Backend::named(name)).collect();
    let services = names.iter().zip(&backends).map(|(name, backend)| service(name, &[backend.address]));
    let plan = Edge::plan().file("services.yaml", documents(services));
    let plan = files.iter().fold(plan, |plan, (name, text)| plan.file(name, text.clone()));
    (plan.start(), backends)
}

#[test]
fn every_path_is_a_regular_expression_and_the_longest_text_comes_first() {
    let site = ingress("web")
        .annotation(USE_REGEX, "true")
        .path("a.test", "ImplementationSpecific", "/foo/bar/bar", "short")
        .path("a.test", "ImplementationSpecific", "/foo/bar/[A-Z]{3}", "long")
        .path("a.test", "Exact", "/exact", "exact")
        .path("a.test", "Prefix", "/dir/", "dir")
        .path("b.test", "Prefix", "/plain", "short");
    let (edge, _backends) = edge(&["short", "long", "exact", "dir"], &[("site.yaml", site.text())]);
    for (target, want) in [
        // The length counts the characters as written: /foo/bar/[A-Z]{3} is longer than /foo/bar/bar.
        ("/foo/bar/bar", "long"),
        ("/foo/bar/xyz/more", "long"),
        ("/foo/bar/12", "404"),
        ("/EXACT", "exact"),
        ("/exactly/so", "exact"),
        ("/dir/", "dir"),
        ("/dir/x", "dir"),
        ("/dir", "404"),
        ("/x/foo/bar/bar", "404"),
        ("/foo%2Fbar/%42ar", "long"),
    ] {
        assert_eq!(edge.ask("a.test", target), want, "{target}");
    }
    assert_eq!(edge.ask("b.test", "/plainer"), "short", "it holds for every host of the Ingress");
}

#[test]
fn one_ingress_switches_the_host_for_all_and_back() {
    let plain = ingress("plain")
        .created("2026-01-01T00:00:00Z")
        .path("a.test", "Exact", "/foo", "plain")
        .path("a.test", "Prefix", "/od(d", "plain")
        .path("other.test", "Exact", "/foo", "plain");
    let regex = ingress("regex").created("2026-01-02T00:00:00Z").annotation(REWRITE, "/$1").path(
        "a.test",
        "ImplementationSpecific",
        "/r/(.*)",
        "regex",
    );
    let (edge, _backends) = edge(&["plain", "regex"], &[("plain.yaml", plain.text())]);
    assert_eq!(edge.ask("a.test", "/FOObar"), "404");
    edge.write("regex.yaml", regex.text());
    edge.until_ask("a.test", "/FOObar", "plain");
    assert_eq!(edge.ask("a.test", "/OD(Dx"), "plain", "no regular expression: taken as it is written");
    assert_eq!(edge.ask("a.test", "/r/x"), "regex");
    assert_eq!(edge.ask("other.test", "/FOObar"), "404", "other hosts have nothing to do with it");
    assert!(edge.admin("/config").text().contains("\"regex\": true"));
    edge.remove("regex.yaml");
    edge.until_ask("a.test", "/FOObar", "404");
    assert_eq!(edge.ask("a.test", "/foo"), "plain");
    assert_eq!(edge.ask("a.test", "/od(d/x"), "plain");
    assert!(!edge.admin("/config").text().contains("\"regex\": true"));
}

#[test]
fn a_route_that_comes_or_goes_finds_its_place_in_the_order() {
    let site = |paths: &[(&str, &str)]| {
        let start = ingress("web").annotation(USE_REGEX, "true");
        let add = |site: crate::support::manifest::Ingress, (path, service): &(&str, &str)| {
            site.path("a.test", "ImplementationSpecific", path, service)
        };
        paths.iter().fold(start, add).text()
    };
    let (edge, _backends) = edge(&["one", "two"], &[("site.yaml", site(&[("/a.*", "one")]))]);
    assert_eq!(edge.ask("a.test", "/abc"), "one");
    edge.write("site.yaml", site(&[("/a.*", "one"), ("/ab.*", "two")]));
    edge.until_ask("a.test", "/abc", "two");
    assert_eq!(edge.ask("a.test", "/axc"), "one");
    edge.write("site.yaml", site(&[("/ab.*", "two")]));
    edge.until_ask("a.test", "/axc", "404");
    assert_eq!(edge.ask("a.test", "/abc"), "two");
}

#[test]
fn a_path_that_cannot_be_expressed_costs_itself_alone() {
    let site = ingress("web")
        .annotation(USE_REGEX, "true")
        .path("a.test", "ImplementationSpecific", "/(?!admin).*", "one")
        .path("a.test", "ImplementationSpecific", "/ok[0-9]", "two");
    let (edge, _backends) = edge(&["one", "two"], &[("site.yaml", site.text())]);
    assert_eq!(edge.ask("a.test", "/ok1"), "two");
    assert_eq!(edge.ask("a.test", "/anything"), "404");
    assert!(edge.sync.log().contains("look-around"), "{}", edge.sync.log());
}
