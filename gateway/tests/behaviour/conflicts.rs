//! Two Ingresses that want the same host and path: the oldest wins, and the loser is told who won.

use crate::support::backend::Backend;
use crate::support::edge::Edge;
use crate::support::manifest::{documents, ingress, service};
use crate::support::process::binary;
use std::process::Command;

fn contender(name: &str, created: &str, backend: &Backend) -> String {
    documents([
        service(name, &[backend.address]),
        ingress(name).created(created).path("a.test", "Prefix", "/", name).text(),
    ])
}

#[test]
fn the_oldest_ingress_wins_and_the_next_takes_over_when_it_goes() {
    let (old, young) = (Backend::named("old"), Backend::named("young"));
    let edge = Edge::plan()
        .file("a-young.yaml", contender("young", "2025-06-01T00:00:00Z", &young))
        .file("b-old.yaml", contender("old", "2024-06-01T00:00:00Z", &old))
        .start();
    assert_eq!(edge.ask("a.test", "/"), "old");
    edge.remove("b-old.yaml");
    edge.until_ask("a.test", "/", "young");
    edge.write("b-old.yaml", contender("old", "2024-06-01T00:00:00Z", &old));
    edge.until_ask("a.test", "/", "old");
}

#[test]
fn the_same_path_with_another_type_is_no_conflict() {
    let (exact, prefix) = (Backend::named("exact"), Backend::named("prefix"));
    let edge = Edge::with(documents([
        service("exact", &[exact.address]),
        service("prefix", &[prefix.address]),
        ingress("one").path("a.test", "Exact", "/x", "exact").text(),
        ingress("two").path("a.test", "Prefix", "/x", "prefix").text(),
    ]));
    assert_eq!(edge.ask("a.test", "/x"), "exact");
    assert_eq!(edge.ask("a.test", "/x/y"), "prefix");
}

#[test]
fn check_names_the_winner_to_the_loser() {
    let backend = Backend::named("any");
    let edge = Edge::plan()
        .file("young.yaml", contender("young", "2025-06-01T00:00:00Z", &backend))
        .file("old.yaml", contender("old", "2024-06-01T00:00:00Z", &backend))
        .start();
    let check = Command::new(binary("ingora"))
        .args(["check", "--output", "json"])
        .arg(&edge.manifests)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&check.stdout).unwrap();
    let problems = report["problems"].as_array().unwrap();
    let conflict = problems.iter().find(|problem| problem["reason"] == "PathConflict").unwrap();
    assert_eq!(conflict["object"]["name"], "young");
    assert!(conflict["message"].as_str().unwrap().contains("test/old"), "{conflict}");
    let location = conflict["location"]["file"].as_str().unwrap();
    assert!(location.ends_with("young.yaml"), "{location}");
    edge.sync.log().lines().find(|line| line.contains("PathConflict") && line.contains("test/old")).unwrap();
}
