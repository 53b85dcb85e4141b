//! Two replicas: both serve, one writes. When it dies, the other takes over, and nobody who watches the status sees it.

use crate::support::edge::Edge;
use crate::support::http1;
use crate::support::manifest::site;
use crate::support::site::{PUBLISHED, Site};
use crate::support::trial::trials;
use crate::support::until;
use crate::support::watch::Watch;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

trials! {
    trial:
        exactly_one_replica_writes_and_the_other_takes_over,
        a_leader_that_ends_in_order_hands_over_at_once;
}

const TERM: Duration = Duration::from_secs(6);

fn plan(test: &Site<'_>) -> crate::support::edge::Plan {
    let term = TERM.as_secs().to_string() + "s";
    test.plan().sync(&["--election-ttl", &term])
}

/// What sync says about itself.
fn metric(edge: &Edge, name: &str) -> f64 {
    let sync = SocketAddr::from((Ipv4Addr::LOCALHOST, edge.sync_port));
    let text = http1::get(sync, "sync", "/metrics").map(|answer| answer.text()).unwrap_or_default();
    let line = text.lines().find(|line| line.split([' ', '{']).next() == Some(name));
    line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).unwrap_or(f64::NAN)
}

fn leads(edge: &Edge) -> bool {
    metric(edge, "ingora_sync_leader") == 1.0
}

fn addresses(ingress: &Value) -> Value {
    ingress["status"]["loadBalancer"].get("ingress").cloned().unwrap_or(Value::Null)
}

/// Every status that the Ingresses of the test went through, repetitions left out.
fn statuses(watch: &Watch, name: &str) -> Vec<Value> {
    let of = |event: &&Value| event["object"]["metadata"]["name"] == name;
    let mut all: Vec<_> = watch.seen().iter().filter(of).map(|event| addresses(&event["object"])).collect();
    all.dedup();
    all
}

fn exactly_one_replica_writes_and_the_other_takes_over() {
    let test = Site::new("replicas");
    let backend = test.backend("web");
    let collection = format!("/apis/networking.k8s.io/v1/namespaces/{}/ingresses", test.namespace);
    let watch = Watch::start(&test.cluster.admin, &collection);
    let mut replicas = vec![plan(&test).start(), plan(&test).start()];
    test.apply(site("first.test", "first", backend.address));
    let published = json!([{ "ip": PUBLISHED }]);
    until("the first Ingress has its status", || statuses(&watch, "first").last() == Some(&published));
    assert_eq!(replicas.iter().filter(|edge| leads(edge)).count(), 1, "one replica leads");
    let leader = replicas.iter().position(leads).unwrap();
    let mut old = replicas.remove(leader);
    let new = replicas.remove(0);
    assert_eq!(metric(&new, "ingora_sync_status_writes_total"), 0.0, "one replica writes");
    assert!(metric(&old, "ingora_sync_status_writes_total") >= 1.0);
    let holder = |what: &str| {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", test.namespace);
        let leases = test.cluster.admin.get(&path);
        assert_eq!(leases["items"].as_array().unwrap().len(), 1, "{what}");
        leases["items"][0]["spec"]["holderIdentity"].as_str().unwrap().to_owned()
    };
    let before = holder("before");

    old.sync.kill();
    let killed = Instant::now();
    test.apply(site("second.test", "second", backend.address));
    // Traffic waits for nobody.
    new.until_ask("second.test", "/", "web");
    let served = killed.elapsed();
    until("the second Ingress has its status", || statuses(&watch, "second").last() == Some(&published));
    let took_over = killed.elapsed();
    assert_ne!(holder("after"), before);
    eprintln!(
        "    leader killed: served by the other after {served:?}, status written after {took_over:?} (lease {TERM:?})"
    );
    assert!(took_over < TERM * 2, "{took_over:?}");

    // The first replica comes back and follows.
    old.start_sync();
    old.wait_ready();
    test.apply(site("third.test", "third", backend.address));
    until("the third Ingress has its status", || statuses(&watch, "third").last() == Some(&published));
    assert!(leads(&new) && !leads(&old));
    for name in ["first", "second", "third"] {
        let seen = statuses(&watch, name);
        assert_eq!(seen, [Value::Null, published.clone()], "the status of {name} flaps");
    }
}

fn a_leader_that_ends_in_order_hands_over_at_once() {
    let test = Site::new("handover");
    let backend = test.backend("web");
    let mut old = plan(&test).start();
    until("it leads", || leads(&old));
    let new = plan(&test).start();
    assert!(!leads(&new));
    old.sync.signal("TERM");
    let asked = Instant::now();
    until("it ends", || old.sync.exit_status().is_some());
    until("the other leads", || leads(&new));
    let took_over = asked.elapsed();
    eprintln!("    leader ended in order: the other leads after {took_over:?} (lease {TERM:?})");
    assert!(took_over < TERM, "the Lease must be given back: {took_over:?}");
    test.apply(site("a.test", "web", backend.address));
    until("the Ingress has its status", || {
        addresses(&test.cluster.admin.get(&test.ingress_path("web"))) == json!([{ "ip": PUBLISHED }])
    });
}
