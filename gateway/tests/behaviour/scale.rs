//! Many Ingresses: how long until they are served, what they cost, and that one edit stays cheap.
//!
//! The bounds hold for slow, busy machines and for builds without optimisation; the numbers are printed
//! (`cargo test --release -p ingora-gateway --test behaviour scale -- --nocapture`).

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::manifest::{documents, ingress, service};
use std::time::{Duration, Instant};

const FILES: usize = 50;
const PER_FILE: usize = 100;

fn file(at: usize, path: &str) -> String {
    documents((0..PER_FILE).map(|inner| {
        let name = format!("site-{at}-{inner}");
        ingress(&name).path(&format!("{name}.test"), "Prefix", path, "web").text()
    }))
}

#[test]
fn five_thousand_hosts_are_served_soon_and_one_edit_is_live_at_once() {
    let backend = Backend::named("web");
    let plan = (0..FILES)
        .fold(Edge::plan().file("web.yaml", service("web", &[backend.address])), |plan, at| {
            plan.file(&format!("sites{at}.yaml"), file(at, "/"))
        });
    let started = Instant::now();
    let edge = plan.start();
    let ready = started.elapsed();
    for (at, inner) in [(0, 0), (25, 50), (49, 99)] {
        assert_eq!(edge.ask(&format!("site-{at}-{inner}.test"), "/"), "web");
    }
    let resident = edge.gateway.resident_bytes();

    let edited = Instant::now();
    edge.write("one.yaml", ingress("one").path("one.test", "Prefix", "/", "web").text());
    edge.until_ask("one.test", "/", "web");
    let first = edited.elapsed();
    let edited = Instant::now();
    edge.write("one.yaml", ingress("one").path("two.test", "Prefix", "/", "web").text());
    edge.until_ask("two.test", "/", "web");
    let second = edited.elapsed();
    println!(
        "{} hosts: ready after {ready:?}, gateway {} MiB, one new file live after {first:?}, one edit after {second:?}",
        FILES * PER_FILE,
        resident >> 20
    );
    assert!(ready < Duration::from_secs(15), "ready after {ready:?}");
    assert!(second < Duration::from_secs(2), "one edit live after {second:?}");
    if !cfg!(debug_assertions) {
        assert!(resident < 60 << 20, "the gateway takes {} MiB", resident >> 20);
    }
}
