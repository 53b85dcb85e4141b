//! Who may ask: deny lists, allow lists, and the ConfigMap's lists behind them.

use crate::support::backend::Backend;
use crate::support::controller::{edge_of, edge_with};
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::{documents, ingress, service};
use ingora_config::settings::{ClientAddress, SourceRangeDefaults};
use ingora_config::{Policy, Settings, policy};

fn networks(list: &[&str]) -> Vec<ipnet::IpNet> {
    list.iter().map(|network| network.parse().unwrap()).collect()
}

/// The status for a client that a trusted neighbour names.
fn status(edge: &Edge, client: &str, host: &str) -> u16 {
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {client}\r\n\r\n")).unwrap();
    connection.response().unwrap().status
}

fn believing() -> ClientAddress {
    ClientAddress { use_forwarded_headers: true, ..ClientAddress::default() }
}

#[test]
fn annotations_let_in_and_keep_out() {
    let backend = Backend::named("web");
    let of = |name: &str, annotations: &[(&str, &str)]| {
        let site = ingress(name).path(&format!("{name}.test"), "Prefix", "/", "web");
        annotations
            .iter()
            .fold(site, |site, (annotation, value)| {
                site.annotation(&format!("nginx.ingress.kubernetes.io/{annotation}"), value)
            })
            .text()
    };
    let edge = Edge::with(documents([
        service("web", &[backend.address]),
        of("open", &[]),
        of("allowed", &[("allowlist-source-range", "10.0.0.0/8, 127.0.0.1")]),
        of("elsewhere", &[("allowlist-source-range", "10.0.0.0/8")]),
        of("older", &[("whitelist-source-range", "10.0.0.0/8")]),
        of("newer", &[("whitelist-source-range", "10.0.0.0/8"), ("allowlist-source-range", "127.0.0.0/8")]),
        of("denied", &[("denylist-source-range", "127.0.0.0/8,::1")]),
        of("both", &[("denylist-source-range", "127.0.0.1"), ("allowlist-source-range", "127.0.0.0/8")]),
        of("broken", &[("allowlist-source-range", "127.0.0.1, 10.0.0.0/33")]),
        of("broken-deny", &[("denylist-source-range", "everybody")]),
    ]));
    for (name, want) in [
        ("open", "web"),
        ("allowed", "web"),
        ("elsewhere", "403"),
        ("older", "403"),
        ("newer", "web"),
        ("denied", "403"),
        ("both", "403"),
        ("broken", "503"),
        ("broken-deny", "503"),
    ] {
        assert_eq!(edge.ask(&format!("{name}.test"), &format!("/{name}")), want, "{name}");
    }
    assert_eq!(edge.logged("/denied")["reason"], "source_forbidden");
    assert_eq!(edge.logged("/broken")["reason"], "denied");
}

#[test]
fn the_lists_ask_for_the_client_behind_trusted_neighbours() {
    let backend = Backend::named("web");
    let lists = policy::SourceRange {
        denylist: Some(networks(&["10.6.0.0/16"])),
        allowlist: Some(networks(&["10.0.0.0/8", "2001:db8::/32"])),
    };
    let policy = Policy { source_range: Some(Box::new(lists)), ..Policy::default() };
    let settings = Settings { client_address: believing(), ..Settings::default() };
    let (edge, _sync) = edge_of(settings, policy, &[backend.address]);
    for (client, want) in
        [("10.1.1.1", 200), ("10.6.1.1", 403), ("192.0.2.1", 403), ("2001:db8::1", 200), ("2001:db9::1", 403)]
    {
        assert_eq!(status(&edge, client, "a.test"), want, "{client}");
    }
}

#[test]
fn the_config_maps_lists_hold_for_routes_without_their_own() {
    let backend = Backend::named("web");
    let source_range = SourceRangeDefaults {
        denylist: networks(&["10.6.0.0/16"]),
        allowlist: networks(&["10.0.0.0/8"]),
        block: networks(&["10.9.0.0/16"]),
    };
    let settings = Settings { client_address: believing(), source_range, ..Settings::default() };
    let (edge, _sync) = edge_with(settings.clone(), &[backend.address]);
    for (client, want) in [("10.1.1.1", 200), ("10.6.1.1", 403), ("192.0.2.1", 403), ("10.9.1.1", 403)] {
        assert_eq!(status(&edge, client, "a.test"), want, "{client}");
    }
    assert_eq!(status(&edge, "10.9.1.1", "unknown.test"), 403, "block-cidrs holds everywhere");
    assert_eq!(status(&edge, "192.0.2.1", "unknown.test"), 404, "the others are about routes");
    let own = policy::SourceRange { denylist: None, allowlist: Some(networks(&["192.0.2.0/24"])) };
    let policy = Policy { source_range: Some(Box::new(own)), ..Policy::default() };
    let (edge, _sync) = edge_of(settings, policy, &[backend.address]);
    for (client, want) in [("192.0.2.1", 200), ("10.1.1.1", 403), ("10.6.1.1", 403), ("10.9.1.1", 403)] {
        assert_eq!(status(&edge, client, "a.test"), want, "with an own list: {client}");
    }
}
