//! Who may ask: deny lists, allow lists, and the ConfigMap's lists behind them.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::{Ingress, documents, ingress, service};

/// The status for a client that a trusted neighbour names.
fn status(edge: &Edge, client: &str, host: &str) -> u16 {
    let mut connection = Connection::open(edge.http).unwrap();
    connection.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {client}\r\n\r\n")).unwrap();
    connection.response().unwrap().status
}

const BELIEVING: (&str, &str) = ("use-forwarded-headers", "true");

/// An Ingress of its own host with these annotations.
fn of(name: &str, annotations: &[(&str, &str)]) -> String {
    let site = ingress(name).path(&format!("{name}.test"), "Prefix", "/", "web");
    let annotate = |site: Ingress, (name, value): &(&str, &str)| {
        site.annotation(&format!("nginx.ingress.kubernetes.io/{name}"), value)
    };
    annotations.iter().fold(site, annotate).text()
}

#[test]
fn annotations_let_in_and_keep_out() {
    let backend = Backend::named("web");
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
    let lists =
        [("denylist-source-range", "10.6.0.0/16"), ("allowlist-source-range", "10.0.0.0/8,2001:db8::/32")];
    let site = documents([service("web", &[backend.address]), of("a", &lists)]);
    let edge = Edge::configured(site, &[BELIEVING]);
    for (client, want) in
        [("10.1.1.1", 200), ("10.6.1.1", 403), ("192.0.2.1", 403), ("2001:db8::1", 200), ("2001:db9::1", 403)]
    {
        assert_eq!(status(&edge, client, "a.test"), want, "{client}");
    }
}

#[test]
fn the_config_maps_lists_hold_for_routes_without_their_own() {
    let backend = Backend::named("web");
    let own = [("allowlist-source-range", "192.0.2.0/24")];
    let site = documents([service("web", &[backend.address]), of("plain", &[]), of("own", &own)]);
    let lists = [
        BELIEVING,
        ("denylist-source-range", "10.6.0.0/16"),
        ("whitelist-source-range", "10.0.0.0/8"),
        ("block-cidrs", "10.9.0.0/16"),
    ];
    let edge = Edge::configured(site, &lists);
    for (host, client, want) in [
        ("plain.test", "10.1.1.1", 200),
        ("plain.test", "10.6.1.1", 403),
        ("plain.test", "192.0.2.1", 403),
        ("plain.test", "10.9.1.1", 403),
        ("own.test", "192.0.2.1", 200),
        ("own.test", "10.1.1.1", 403),
        ("own.test", "10.6.1.1", 403),
        ("own.test", "10.9.1.1", 403),
        // block-cidrs holds everywhere, the others are about routes.
        ("unknown.test", "10.9.1.1", 403),
        ("unknown.test", "192.0.2.1", 404),
    ] {
        assert_eq!(status(&edge, client, host), want, "{client} at {host}");
    }
    edge.configure(&[BELIEVING], "/source_range/allowlist", serde_json::json!([]));
    assert_eq!(status(&edge, "192.0.2.1", "plain.test"), 200, "without the lists");
}

#[test]
fn clients_are_refused_by_what_they_say_of_themselves_before_anything_else() {
    let backend = Backend::named("web");
    let edge = Edge::configured(
        documents([
            service("web", &[backend.address]),
            ingress("web")
                .annotation("nginx.ingress.kubernetes.io/app-root", "/home")
                .path("a.test", "Prefix", "/", "web")
                .text(),
        ]),
        &[("block-user-agents", "Bad Bot, ~*scraper, ~^$, ~("), ("block-referers", "~^https://spam\\.")],
    );
    let status = |host: &str, path: &str, lines: &str| {
        let mut connection = Connection::open(edge.http).unwrap();
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n")).unwrap();
        connection.response().unwrap().status
    };
    let agent = "User-Agent: browser\r\n";
    assert_eq!(status("a.test", "/x", agent), 200);
    assert_eq!(status("a.test", "/x", "User-Agent: bad bot\r\n"), 403, "as a whole, whatever its case");
    assert_eq!(status("a.test", "/x", "User-Agent: not a bad bot\r\n"), 200);
    assert_eq!(status("a.test", "/", "User-Agent: SuperScraper/2\r\n"), 403, "app-root comes later");
    assert_eq!(status("a.test", "/x", ""), 403, "none is an empty one");
    assert_eq!(status("a.test", "/x", &format!("{agent}Referer: https://spam.example/\r\n")), 403);
    assert_eq!(
        status("a.test", "/x", &format!("{agent}Referer: https://ok.example/?https://spam.\r\n")),
        200
    );
    assert_eq!(status("unknown.test", "/", "User-Agent: scraper\r\n"), 403, "unknown hosts, too");
    assert_eq!(status("unknown.test", "/", agent), 404);
}
