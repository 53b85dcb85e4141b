//! Which endpoint gets a request: `load-balance`, `upstream-hash-by`, `service-upstream`.

use crate::support::backend::{Backend, refusing_address};
use crate::support::edge::Edge;
use crate::support::http1::Connection;
use crate::support::manifest::{Ingress, bare_service, documents, ingress, service, slice};
use crate::support::settings::plan;
use crate::support::until;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

const PREFIX: &str = "nginx.ingress.kubernetes.io";
const READY: &str = "{ ready: true }";
const NAMES: [&str; 4] = ["one", "two", "three", "four"];

/// A Service with these endpoints, whatever their ports.
fn web_service(addresses: &[SocketAddr]) -> String {
    let slices =
        addresses.iter().enumerate().map(|(at, address)| slice("web", &at.to_string(), &[*address], READY));
    documents([bare_service("web")].into_iter().chain(slices))
}

fn annotated(name: &str, host: &str, annotations: &[(&str, &str)]) -> Ingress {
    let add = |ingress: Ingress, (name, value): &(&str, &str)| {
        ingress.annotation(&format!("{PREFIX}/{name}"), value)
    };
    annotations.iter().fold(ingress(name), add).path(host, "Prefix", "/", "web")
}

fn addresses(backends: &[Backend]) -> Vec<SocketAddr> {
    backends.iter().map(|backend| backend.address).collect()
}

/// Who answers a user.
fn ask(connection: &mut Connection<std::net::TcpStream>, host: &str, user: &str) -> String {
    connection.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-User: {user}\r\n\r\n")).unwrap();
    let answer = connection.response().unwrap();
    assert_eq!(answer.status, 200, "{user}");
    answer.text()
}

/// Who answers each of many users.
fn owners(edge: &Edge, host: &str) -> BTreeMap<String, String> {
    let mut connection = Connection::open(edge.http).unwrap();
    (0..200)
        .map(|at| format!("user-{at}"))
        .map(|user| (user.clone(), ask(&mut connection, host, &user)))
        .collect()
}

fn spread(edge: &Edge, host: &str, count: usize) -> BTreeMap<String, usize> {
    let mut connection = Connection::open(edge.http).unwrap();
    let mut counts = BTreeMap::new();
    (0..count).for_each(|_| *counts.entry(ask(&mut connection, host, "")).or_insert(0) += 1);
    counts
}

fn endpoints(edge: &Edge) -> usize {
    let dump: serde_json::Value = serde_json::from_slice(&edge.admin("/config").body).unwrap();
    dump["upstreams"][0]["endpoints"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_key_keeps_its_endpoint_and_few_move_when_endpoints_come_and_go() {
    let backends = NAMES.map(Backend::named);
    let all = addresses(&backends);
    let site = annotated("web", "a.test", &[("upstream-hash-by", "$http_x_user")]).text();
    let edge = Edge::plan().file("site.yaml", site).file("web.yaml", web_service(&all[..3])).start();
    let before = owners(&edge, "a.test");
    assert_eq!(before, owners(&edge, "a.test"));
    assert_eq!(before.values().collect::<BTreeSet<_>>().len(), 3, "the keys are spread");
    edge.write("web.yaml", web_service(&all));
    until("the fourth is there", || endpoints(&edge) == 4);
    let after = owners(&edge, "a.test");
    assert!(before.iter().all(|(user, owner)| after[user] == *owner || after[user] == "four"), "{after:?}");
    let moved = after.values().filter(|owner| *owner == "four").count();
    assert!((20..=90).contains(&moved), "{moved} of 200 moved to one of four");
    edge.write("web.yaml", web_service(&all[1..]));
    until("the first is gone", || endpoints(&edge) == 3);
    let last = owners(&edge, "a.test");
    assert!(after.iter().all(|(user, owner)| last[user] == *owner || owner == "one"), "{last:?}");
}

#[test]
fn who_has_no_key_is_spread_like_everybody() {
    let backends = ["one", "two", "three"].map(Backend::named);
    let site = annotated("web", "a.test", &[("upstream-hash-by", "$http_x_user")]).text();
    let edge =
        Edge::plan().file("site.yaml", site).file("web.yaml", web_service(&addresses(&backends))).start();
    let counts = spread(&edge, "a.test", 30);
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [10, 10, 10]);
}

#[test]
fn two_ingresses_use_one_service_each_in_its_own_way() {
    let backends = ["one", "two", "three"].map(Backend::named);
    let edge = Edge::with(documents([
        web_service(&addresses(&backends)),
        annotated("plain", "plain.test", &[]).text(),
        annotated("hash", "hash.test", &[("upstream-hash-by", "$host")]).text(),
    ]));
    assert_eq!(spread(&edge, "hash.test", 30).len(), 1);
    assert_eq!(spread(&edge, "plain.test", 30).into_values().collect::<Vec<_>>(), [10, 10, 10]);
}

#[test]
fn a_subset_of_the_endpoints_shares_a_key() {
    let backends = ["one", "two", "three", "four", "five", "six"].map(Backend::named);
    let annotations = [
        ("upstream-hash-by", "$http_x_user"),
        ("upstream-hash-by-subset", "true"),
        ("upstream-hash-by-subset-size", "2"),
    ];
    let edge = Edge::with(documents([
        web_service(&addresses(&backends)),
        annotated("web", "a.test", &annotations).text(),
    ]));
    let mut connection = Connection::open(edge.http).unwrap();
    for user in ["anna", "ben", "cleo"] {
        let met: BTreeSet<_> = (0..60).map(|_| ask(&mut connection, "a.test", user)).collect();
        assert_eq!(met.len(), 2, "{user}: {met:?}");
    }
}

#[test]
fn a_key_whose_endpoint_is_dead_is_served_by_another_one() {
    let backends = ["one", "two"].map(Backend::named);
    let mut all = addresses(&backends);
    all.push(refusing_address());
    let edge = Edge::with(documents([
        web_service(&all),
        annotated("web", "a.test", &[("upstream-hash-by", "$http_x_user")]).text(),
    ]));
    let first = owners(&edge, "a.test");
    assert_eq!(first, owners(&edge, "a.test"), "and always by the same one");
}

/// Answers with its name after a while.
fn slow(name: &'static str, time: Duration) -> Backend {
    Backend::start(move |_, stream| {
        std::thread::sleep(time);
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len())
    })
}

#[test]
fn ewma_leaves_the_slow_alone_by_annotation_and_by_configmap() {
    let backends = [slow("slow", Duration::from_millis(60)), Backend::named("two"), Backend::named("three")];
    let site = documents([
        web_service(&addresses(&backends)),
        annotated("ewma", "ewma.test", &[("load-balance", "ewma")]).text(),
        annotated("plain", "plain.test", &[]).text(),
        annotated("robin", "robin.test", &[("load-balance", "round_robin")]).text(),
    ]);
    let edge = plan(site, &[]).start();
    spread(&edge, "ewma.test", 30);
    let counts = spread(&edge, "ewma.test", 100);
    assert!(counts.get("slow").is_none_or(|count| *count <= 5), "{counts:?}");
    assert_eq!(spread(&edge, "plain.test", 30)["slow"], 10);
    edge.configure(&[("load-balance", "ewma")], "/load_balance/load_balance", "ewma");
    let counts = spread(&edge, "plain.test", 100);
    assert!(counts.get("slow").is_none_or(|count| *count <= 5), "{counts:?}");
    assert_eq!(spread(&edge, "robin.test", 30)["slow"], 10, "an Ingress goes before the ConfigMap");
}

/// A Service whose own address is that of a backend.
fn with_address(address: SocketAddr, endpoints: &[SocketAddr]) -> String {
    let own = format!(
        "spec: {{ clusterIP: {}, ports: [{{ name: http, port: {} }}] }}",
        address.ip(),
        address.port()
    );
    web_service(endpoints).replace("spec: { ports: [{ name: http, port: 80 }] }", &own)
}

fn to_port(name: &str, host: &str, annotations: &[(&str, &str)], port: u16) -> String {
    let text = annotated(name, host, annotations).text();
    text.replace("number: 80", &format!("number: {port}"))
}

#[test]
fn the_service_itself_gets_the_requests_where_that_is_wanted() {
    let (own, pod) = (Backend::named("service"), Backend::named("pod"));
    let port = own.address.port();
    let site = |endpoints: &[SocketAddr]| {
        documents([
            with_address(own.address, endpoints),
            to_port("own", "own.test", &[("service-upstream", "true")], port),
            to_port("plain", "plain.test", &[], port),
            to_port("never", "never.test", &[("service-upstream", "false")], port),
        ])
    };
    let edge = plan(site(&[pod.address]), &[]).start();
    assert_eq!((edge.ask("own.test", "/"), edge.ask("plain.test", "/")), ("service".into(), "pod".into()));
    edge.configure(&[("service-upstream", "true")], "/load_balance/service_upstream", true);
    assert_eq!((edge.ask("plain.test", "/"), edge.ask("never.test", "/")), ("service".into(), "pod".into()));
    edge.write("site.yaml", site(&[]));
    edge.until_ask("never.test", "/", "503");
    assert_eq!(edge.ask("own.test", "/"), "service", "who is behind it is not ours to know");
    let headless =
        site(&[pod.address]).replace(&format!("clusterIP: {}", own.address.ip()), "clusterIP: None");
    edge.write("site.yaml", headless);
    edge.until_ask("own.test", "/", "pod");
    until("sync tells it", || edge.sync.log().contains("it has no address of its own"));
}

#[test]
fn a_canary_chooses_in_its_own_way() {
    let backends = ["one", "two", "three"].map(Backend::named);
    let primary = Backend::named("primary");
    let canary = annotated(
        "next",
        "a.test",
        &[("canary", "true"), ("canary-weight", "100"), ("upstream-hash-by", "$http_x_user")],
    );
    let edge = Edge::with(documents([
        web_service(&addresses(&backends)),
        service("primary", &[primary.address]),
        ingress("primary").path("a.test", "Prefix", "/", "primary").text(),
        canary.text(),
    ]));
    let first = owners(&edge, "a.test");
    assert_eq!(first, owners(&edge, "a.test"));
    assert_eq!(first.values().collect::<BTreeSet<_>>().len(), 3);
}
