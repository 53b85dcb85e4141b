//! The admin port: health, readiness, metrics, and what the gateway knows.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::http1::{self, Connection};
use crate::support::manifest::{ingress, site};
use crate::support::until;
use std::net::{Ipv4Addr, SocketAddr};

#[test]
fn it_says_what_the_gateway_serves() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    assert_eq!(edge.admin("/healthz").status, 200);
    assert_eq!(edge.admin("/readyz").status, 200);
    let config = edge.admin("/config");
    assert_eq!(config.header("content-type"), Some("application/json"));
    let text = config.text();
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
    for word in ["a.test", "web", &backend.address.to_string()] {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    assert_eq!(edge.admin("/").status, 200);
    assert_eq!(edge.admin("/nothing").status, 404);
}

/// The value of the one series whose name starts with `name` and whose labels contain all of `labels`.
fn series(edge: &Edge, name: &str, labels: &[&str]) -> f64 {
    let text = edge.admin("/metrics").text();
    let lines =
        text.lines().filter(|line| line.starts_with(name) && labels.iter().all(|label| line.contains(label)));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[test]
fn metrics_count_requests_by_status() {
    let backend = Backend::named("web");
    let edge = Edge::with(site("a.test", "web", backend.address));
    for _ in 0..7 {
        assert_eq!(edge.ask("a.test", "/"), "web");
    }
    for _ in 0..3 {
        assert_eq!(edge.ask("unknown.test", "/"), "404");
    }
    let requests = ["status=\"200\"", "ingress=\"web\"", "service=\"web\"", "host=\"a.test\""];
    until("seven answers of the route", || {
        series(&edge, "nginx_ingress_controller_requests", &requests) == 7.0
    });
    until("three answers of our own", || {
        series(&edge, "ingora_gateway_reasons_total", &["reason=\"no_route\""]) == 3.0
    });
    let text = edge.admin("/metrics").text();
    assert!(text.trim_end().ends_with("# EOF"), "the OpenMetrics text ends as it must");
}

#[test]
fn it_is_not_on_the_ports_that_face_the_internet() {
    let edge = Edge::plan().start();
    for path in ["/readyz", "/metrics", "/config"] {
        assert_eq!(edge.get("admin", path).status, 404, "{path}");
    }
    assert_eq!(edge.get("admin", "/healthz").header("content-length"), Some("0"), "for load balancers alone");
}

#[test]
fn it_takes_nothing_but_small_gets() {
    let edge = Edge::plan().start();
    let mut connection = Connection::open(edge.admin).unwrap();
    connection.send("POST /config HTTP/1.1\r\nHost: admin\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert!((400..500).contains(&connection.response().unwrap().status));
    let mut connection = Connection::open(edge.admin).unwrap();
    let _ = connection.send("x".repeat(1 << 20));
    let _ = connection.response();
    assert_eq!(http1::get(edge.admin, "admin", "/healthz").unwrap().status, 200, "garbage does not stop it");
}

#[test]
fn a_full_gateway_sheds_load_and_keeps_its_admin_port() {
    let backend = Backend::named("web");
    let edge = Edge::plan()
        .file("site.yaml", site("a.test", "web", backend.address))
        .gateway(&["--max-connections", "8"])
        .start();
    // Idle connections that the gateway has accepted: each has had an answer.
    let mut held: Vec<_> = Vec::new();
    for _ in 0..8 {
        let mut connection = Connection::open(edge.http).unwrap();
        assert_eq!(connection.get("a.test", "/").unwrap().status, 200);
        held.push(connection);
    }
    let beyond = http1::get(edge.http, "a.test", "/");
    assert!(beyond.as_ref().is_ok_and(|answer| answer.status == 503), "{beyond:?}");
    assert_eq!(edge.admin("/healthz").status, 200);
    assert_eq!(held[0].get("a.test", "/").unwrap().status, 200, "those that are in are served");
    held.clear();
    edge.until_ask("a.test", "/", "web");
}

#[test]
fn sync_has_a_health_port_of_its_own_and_counts_problems_there() {
    let backend = Backend::named("web");
    let edge = Edge::plan()
        .file("site.yaml", site("a.test", "web", backend.address))
        .file("problem.yaml", ingress("lost").path("lost.test", "Prefix", "/", "nobody").text())
        .start();
    let sync = SocketAddr::from((Ipv4Addr::LOCALHOST, edge.sync_port));
    let get = |path| http1::get(sync, "sync", path).unwrap();
    assert_eq!(get("/healthz").status, 200);
    until("sync is ready", || get("/readyz").status == 200);
    let metrics = get("/metrics").text();
    assert!(
        metrics.lines().any(|line| line.contains("ServiceNotFound") && line.ends_with(" 1")),
        "{metrics}"
    );
}
