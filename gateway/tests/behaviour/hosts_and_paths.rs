//! Which host and path take a request (Kubernetes Ingress: hostname wildcards, path types; ingress-nginx: the rest).

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::manifest::{Ingress, documents, ingress, service};

/// An edge with these backends, each named like its Service, and one Ingress.
fn edge(names: &[&str], ingress: &Ingress) -> (Edge, Vec<Backend>) {
    let backends: Vec<_> = names.iter().map(|name| Backend::named(name)).collect();
    let services = names.iter().zip(&backends).map(|(name, backend)| service(name, &[backend.address]));
    let text = documents(services.chain([ingress.text()]));
    (Edge::with(text), backends)
}

#[test]
fn the_most_specific_host_wins() {
    let ingress = ingress("hosts")
        .path("a.example.test", "Prefix", "/", "exact")
        .path("*.example.test", "Prefix", "/", "wildcard")
        .path("", "Prefix", "/", "catchall");
    let (edge, _backends) = edge(&["exact", "wildcard", "catchall"], &ingress);
    for (host, want) in [
        ("a.example.test", "exact"),
        ("A.Example.TEST", "exact"),
        ("a.example.test.", "exact"),
        ("a.example.test:8080", "exact"),
        ("b.example.test", "wildcard"),
        ("b-1_x.example.test", "wildcard"),
        ("example.test", "catchall"),
        ("c.b.example.test", "catchall"),
        ("127.0.0.1", "catchall"),
        ("[::1]:80", "catchall"),
        ("other.test", "catchall"),
    ] {
        assert_eq!(edge.ask(host, "/"), want, "{host}");
    }
}

#[test]
fn a_prefix_ends_at_a_path_element() {
    let (edge, _backends) = edge(&["foo"], &ingress("prefix").path("a.test", "Prefix", "/foo", "foo"));
    for (target, want) in [
        ("/foo", "foo"),
        ("/foo/", "foo"),
        ("/foo/bar", "foo"),
        ("/foo?x=/", "foo"),
        ("/foobar", "404"),
        ("/FOO", "404"),
        ("/fo", "404"),
        ("/", "404"),
    ] {
        assert_eq!(edge.ask("a.test", target), want, "{target}");
    }
}

#[test]
fn an_exact_path_wins_and_then_the_longest_prefix() {
    let ingress = ingress("paths")
        .path("a.test", "Prefix", "/", "root")
        .path("a.test", "Prefix", "/foo", "short")
        .path("a.test", "Prefix", "/foo/bar", "long")
        .path("a.test", "Exact", "/foo", "exact")
        .path("a.test", "ImplementationSpecific", "/impl", "implementation");
    let (edge, _backends) = edge(&["root", "short", "long", "exact", "implementation"], &ingress);
    for (target, want) in [
        ("/foo", "exact"),
        ("/foo/", "short"),
        ("/foo/baz", "short"),
        ("/foo/bar", "long"),
        ("/foo/bar/x", "long"),
        ("/foo/barx", "short"),
        ("/impl", "implementation"),
        ("/impl/x", "implementation"),
        ("/implx", "root"),
        ("/", "root"),
    ] {
        assert_eq!(edge.ask("a.test", target), want, "{target}");
    }
}

#[test]
fn a_path_is_matched_decoded_and_forwarded_raw() {
    let ingress =
        ingress("raw").path("a.test", "Prefix", "/foo/bar", "bar").path("a.test", "Prefix", "/", "root");
    let (edge, backends) = edge(&["bar", "root"], &ingress);
    for (target, want) in [
        ("/foo/bar", "bar"),
        ("//foo///bar", "bar"),
        ("/foo%2Fbar", "bar"),
        ("/%66oo/bar", "bar"),
        ("/x/../foo/./bar?q=%2F..", "bar"),
        ("/foo/bar/..", "root"),
        ("/foo/bar/%2e%2e/x", "root"),
        ("/foo%3Fbar", "root"),
    ] {
        assert_eq!(edge.ask("a.test", target), want, "{target}");
        let backend = if want == "bar" { &backends[0] } else { &backends[1] };
        assert_eq!(backend.last().target(), target, "the upstream gets the raw target");
    }
}

#[test]
fn a_path_that_lacks_its_final_slash_is_redirected() {
    let ingress = ingress("slash")
        .path("a.test", "Prefix", "/dir/", "dir")
        .path("a.test", "Exact", "/file/", "file")
        .path("a.test", "Prefix", "/both/", "dir")
        .path("a.test", "Exact", "/both", "file");
    let (edge, _backends) = edge(&["dir", "file"], &ingress);
    for target in ["/dir", "/file"] {
        let answer = edge.get("a.test", &format!("{target}?x=1&y=2"));
        assert_eq!(answer.status, 301, "{target}");
        let location = answer.header("location").unwrap();
        assert!(location.ends_with(&format!("{target}/?x=1&y=2")), "{location}");
    }
    assert_eq!(edge.ask("a.test", "/dir/x"), "dir");
    assert_eq!(edge.ask("a.test", "/file/"), "file");
    assert_eq!(edge.ask("a.test", "/file/x"), "404");
    assert_eq!(edge.ask("a.test", "/both"), "file", "an exact path needs no redirect");
}

#[test]
fn several_ingresses_share_one_host() {
    let backends: Vec<_> = ["one", "two"].iter().map(|name| Backend::named(name)).collect();
    let edge = Edge::plan()
        .file(
            "one.yaml",
            documents([
                service("one", &[backends[0].address]),
                ingress("one").path("a.test", "Prefix", "/one", "one").text(),
            ]),
        )
        .file(
            "two.yaml",
            documents([
                service("two", &[backends[1].address]),
                ingress("two").path("a.test", "Prefix", "/two", "two").text(),
            ]),
        )
        .start();
    assert_eq!(edge.ask("a.test", "/one"), "one");
    assert_eq!(edge.ask("a.test", "/two/x"), "two");
    assert_eq!(edge.ask("a.test", "/"), "404");
    edge.remove("two.yaml");
    edge.until_ask("a.test", "/two/x", "404");
    assert_eq!(edge.ask("a.test", "/one"), "one", "the other Ingress of the host is untouched");
}

#[test]
fn a_port_may_be_named_or_numbered() {
    let backend = Backend::named("web");
    let ingress = ingress("ports")
        .backend("named.test", "Prefix", "/", "service: { name: web, port: { name: http } }")
        .backend("numbered.test", "Prefix", "/", "service: { name: web, port: { number: 80 } }")
        .backend("wrong.test", "Prefix", "/", "service: { name: web, port: { number: 81 } }")
        .backend("unnamed.test", "Prefix", "/", "service: { name: web, port: { name: grpc } }");
    let edge = Edge::with(documents([service("web", &[backend.address]), ingress.text()]));
    assert_eq!(edge.ask("named.test", "/"), "web");
    assert_eq!(edge.ask("numbered.test", "/"), "web");
    assert_eq!(edge.ask("wrong.test", "/"), "503", "a port that does not exist has no endpoints");
    assert_eq!(edge.ask("unnamed.test", "/"), "503");
}

#[test]
fn an_unknown_host_is_404_and_no_version_is_told() {
    let (edge, _backends) = edge(&["web"], &ingress("web").path("a.test", "Prefix", "/", "web"));
    let answer = edge.get("unknown.test", "/");
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("404 Not Found"), "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert_eq!(answer.header("server"), None);
    for word in ["pingora", "nginx", env!("CARGO_PKG_VERSION")] {
        assert!(!answer.text().to_lowercase().contains(word), "{word} is in the page");
    }
}
