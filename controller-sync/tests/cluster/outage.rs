//! The API server goes away, loses its history and comes back; the controller dies meanwhile. Requests notice nothing.
//!
//! `INGORA_CLUSTER_OUTAGE_SECONDS` makes the outage longer.

use crate::support::backend::Backend;
use crate::support::cluster::Cluster;
use crate::support::edge::Edge;
use crate::support::http1;
use crate::support::load::Load;
use crate::support::manifest::{documents, ingress, service, site};
use crate::support::proxy::{Fault, Proxy};
use crate::support::site::Site;
use crate::support::trial::trials;
use crate::support::{number, until};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

trials! {
    trial:
        the_api_server_is_gone_and_the_controller_starts_anew_under_load,
        changes_before_a_compaction_are_not_missed;
}

fn outage() -> Duration {
    Duration::from_secs(number("INGORA_CLUSTER_OUTAGE_SECONDS", 15))
}

/// What is asked all the time, what will go, and what will move.
fn three_sites(test: &Site<'_>) -> [Backend; 3] {
    let backends = ["web", "leaving", "before"].map(|name| test.backend(name));
    let [web, leaving, before] = &backends;
    test.apply(documents([
        site("web.test", "web", web.address),
        site("leaving.test", "leaving", leaving.address),
        site("moving.test", "moving", before.address),
    ]));
    backends
}

/// The changes that the programs must find out about afterwards.
fn change(test: &Site<'_>) -> Backend {
    let after = test.backend("after");
    test.cluster.admin.delete(&test.ingress_path("leaving"));
    test.apply(documents([
        service("moving", &[after.address]),
        ingress("coming").path("coming.test", "Prefix", "/", "moving").text(),
    ]));
    after
}

fn assert_changed(edge: &Edge) {
    edge.until_ask("coming.test", "/", "after");
    edge.until_ask("moving.test", "/", "after");
    edge.until_ask("leaving.test", "/", "404");
    assert_eq!(edge.ask("web.test", "/"), "web");
}

fn still(edge: &Edge, path: &str) -> u16 {
    let sync = SocketAddr::from((Ipv4Addr::LOCALHOST, edge.sync_port));
    http1::get(sync, "sync", path).map_or(0, |answer| answer.status)
}

fn the_api_server_is_gone_and_the_controller_starts_anew_under_load() {
    let cluster = Cluster::start();
    let test = Site::in_cluster(&cluster, "outage");
    test.expect_refusals();
    let _backends = three_sites(&test);
    let mut edge = test.plan().start();
    edge.until_ask("moving.test", "/", "before");
    let load = Load::start(edge.http, "web.test", "/", 4);
    load.wait_for(50);

    let begin = Instant::now();
    cluster.kill_server();
    load.wait_for(200);
    cluster.compact();
    while begin.elapsed() < outage() / 2 {
        assert_eq!(still(&edge, "/healthz"), 200, "the controller lives without the API server");
        assert_eq!(edge.admin("/readyz").status, 200, "the gateway serves what it has");
        load.wait_for(20);
    }
    edge.sync.kill();
    load.wait_for(200);
    edge.start_sync();
    until("the new controller answers", || still(&edge, "/healthz") == 200);
    while begin.elapsed() < outage() {
        assert_eq!(still(&edge, "/readyz"), 503, "nothing is known, and nothing is published");
        assert_eq!(edge.ask("moving.test", "/"), "before");
        load.wait_for(20);
    }
    cluster.start_server();
    let back = Instant::now();
    let _after = change(&test);
    assert_changed(&edge);
    until("the controller is ready", || still(&edge, "/readyz") == 200);
    let right = back.elapsed();
    load.wait_for(200);
    let account = load.finish();
    eprintln!(
        "    outage of {:?}: {} requests, {} failed, longest gap {:?}; right again {right:?} after the server was ready",
        begin.elapsed(),
        account.answered,
        account.failures.len(),
        account.longest_gap
    );
    assert_eq!(account.failures, []);
}

/// The controller is cut off while objects change; when it comes back, the server knows no history any more.
fn changes_before_a_compaction_are_not_missed() {
    let cluster = Cluster::start();
    let test = Site::in_cluster(&cluster, "compaction");
    test.expect_refusals();
    let _backends = three_sites(&test);
    let proxy = test.proxy();
    let edge = test.plan_through(&proxy).start();
    edge.until_ask("moving.test", "/", "before");
    let load = Load::start(edge.http, "web.test", "/", 2);
    load.wait_for(50);
    let _after;
    {
        let _fault = proxy.inject(&[" /"], Fault::status(503, "ServiceUnavailable"));
        proxy.cut();
        _after = change(&test);
        // Another object, so that nothing above is the latest.
        test.cluster.admin.create(&json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "later", "namespace": test.namespace },
        }));
        cluster.compact();
        cluster.kill_server();
        cluster.start_server();
        tries(&proxy);
        assert_eq!(edge.ask("moving.test", "/"), "before");
    }
    assert_changed(&edge);
    load.wait_for(50);
    assert_eq!(load.finish().failures, []);
}

/// Waits until the controller has asked for Ingresses again.
fn tries(proxy: &Proxy) {
    let before = proxy.asked(&["/ingresses"]).len();
    until("the controller tries again", || proxy.asked(&["/ingresses"]).len() > before);
}
