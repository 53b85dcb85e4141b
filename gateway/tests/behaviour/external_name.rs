//! Services of type ExternalName: names are resolved with their TTL, off the request path.

use crate::support::backend::Backend;
use crate::support::dns::NameServer;
use crate::support::edge::Edge;
use crate::support::manifest::{documents, ingress};
use crate::support::ports::free_port;
use std::io::Write as _;
use std::net::SocketAddr;

fn origin(address: &str, port: u16, name: &'static str) -> Backend {
    let address: SocketAddr = format!("{address}:{port}").parse().unwrap();
    Backend::listen(address, move |_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len())
    })
}

fn manifest(port: u16) -> String {
    let service = format!(
        "
apiVersion: v1
kind: Service
metadata: {{ name: origin, namespace: test }}
spec: {{ type: ExternalName, externalName: origin.test, ports: [{{ name: http, port: {port} }}] }}
"
    );
    let backend = format!("service: {{ name: origin, port: {{ number: {port} }} }}");
    documents([service, ingress("origin").backend("a.test", "Prefix", "/", &backend).text()])
}

fn edge(dns: &NameServer, port: u16) -> Edge {
    Edge::plan().file("site.yaml", manifest(port)).sync(&["--dns-server", &dns.address.to_string()]).start()
}

#[test]
fn a_name_is_resolved_and_followed_when_it_moves() {
    let port = free_port();
    let (_first, _second) = (origin("127.0.0.1", port, "first"), origin("127.0.0.2", port, "second"));
    let dns = NameServer::start();
    dns.set("origin.test", 1, &["127.0.0.1".parse().unwrap()]);
    let edge = edge(&dns, port);
    edge.until_ask("a.test", "/", "first");
    dns.set("origin.test", 1, &["127.0.0.2".parse().unwrap()]);
    edge.until_ask("a.test", "/", "second");
}

#[test]
fn a_name_that_does_not_exist_is_503_until_it_does() {
    let port = free_port();
    let _origin = origin("127.0.0.1", port, "here");
    let dns = NameServer::start();
    let edge = edge(&dns, port);
    edge.until_ask("a.test", "/", "503");
    dns.set("origin.test", 60, &["127.0.0.1".parse().unwrap()]);
    edge.until_ask("a.test", "/", "here");
}

#[test]
fn requests_never_wait_for_the_name_server() {
    let port = free_port();
    let _origin = origin("127.0.0.1", port, "here");
    let dns = NameServer::start();
    dns.set("origin.test", 3600, &["127.0.0.1".parse().unwrap()]);
    let edge = edge(&dns, port);
    edge.until_ask("a.test", "/", "here");
    let before = dns.queries();
    for _ in 0..50 {
        assert_eq!(edge.ask("a.test", "/"), "here");
    }
    assert_eq!(dns.queries(), before, "requests must not cause queries");
}
