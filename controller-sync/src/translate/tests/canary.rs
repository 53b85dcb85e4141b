//! What a change of a canary costs and sends, and that many of them stay within bounds.

use super::fixtures::{decode, ingress, remove, service, slice};
use super::{World, keys};
use crate::object::Object;
use crate::translate::{Change, Output};
use ingora_config::policy::MAX_CANARIES;
use ingora_config::{Key, Reason, Resource, Route};
use serde_json::json;

/// A canary of `web` on a host, with a Service of its own.
fn canary(name: &str, host: &str, weight: u32) -> Object {
    let backend = json!({"service": {"name": name, "port": {"number": 80}}});
    let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
    decode(json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "annotations": {
            "nginx.ingress.kubernetes.io/canary": "true",
            "nginx.ingress.kubernetes.io/canary-weight": weight.to_string(),
        }},
        "spec": {"rules": [{"host": host, "http": {"paths": [path]}}]}}))
}

fn world() -> World {
    let others = (0..100).map(|i| ingress(&format!("other-{i}"), &format!("h{i}.example")));
    let backends = ["web", "new"].into_iter().flat_map(|name| [service(name), slice(name, "10.0.0.1")]);
    World::with(others.chain(backends).chain([ingress("web", "a.example"), canary("new", "a.example", 10)]))
}

/// The one route that a translation sent, and nothing else.
#[track_caller]
fn only_route(output: &Output) -> &Route {
    match &output.changes[..] {
        [Change::Upsert(resource)] => match &**resource {
            Resource::Route(route) => route,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_edited_canary_sends_the_route_of_its_primary_and_nothing_else() {
    let mut world = world();
    assert_eq!(world.reasons(), []);
    let output = world.insert(canary("new", "a.example", 20));
    let route = only_route(&output);
    assert_eq!(route.ingress.name, "web");
    assert_eq!(route.canaries[0].rule.weight, 20);
    assert_eq!(world.insert(canary("new", "a.example", 20)), Output::default());
}

#[test]
fn a_canary_that_goes_restores_the_route_and_takes_its_upstream_along() {
    let mut world = world();
    remove(&mut world.store, &canary("new", "a.example", 10));
    let output = world.translate();
    let mut keys = keys(&output);
    keys.sort();
    assert!(matches!(&keys[..], [Key::Route(_), Key::Upstream(_), Key::Endpoints(_)]), "{keys:?}");
    let restored = output.changes.iter().find_map(|change| match change {
        Change::Upsert(resource) => Some(resource.clone()),
        Change::Remove(_) => None,
    });
    let Some(Resource::Route(route)) = restored.as_deref() else { panic!("{output:?}") };
    assert_eq!((route.canaries.len(), route.ingress.name.as_str()), (0, "web"));
}

#[test]
fn a_primary_that_goes_leaves_nothing_and_one_that_comes_has_its_canary() {
    let mut world = world();
    remove(&mut world.store, &ingress("web", "a.example"));
    let output = world.translate();
    assert!(
        keys(&output).iter().any(|key| matches!(key, Key::VirtualHost(_))),
        "the host is gone: {output:?}"
    );
    assert_eq!(world.reasons(), [Reason::CanaryWithoutPrimary]);
    let output = world.insert(ingress("web", "a.example"));
    assert_eq!(output.solved_problems[0].reason, Reason::CanaryWithoutPrimary);
    let routes = output.changes.iter().filter_map(|change| match change {
        Change::Upsert(resource) => match &**resource {
            Resource::Route(route) => Some(route.canaries.len()),
            _ => None,
        },
        Change::Remove(_) => None,
    });
    assert_eq!(routes.collect::<Vec<_>>(), [1]);
}

#[test]
fn an_ordinary_ingress_that_becomes_a_canary_hands_its_route_over() {
    let mut world = World::with([ingress("web", "a.example"), ingress("new", "a.example"), service("web")]);
    assert!(world.reasons().contains(&Reason::PathConflict));
    // `web` sorts last and serves; now the loser joins it.
    world.insert(canary("new", "a.example", 10));
    assert!(!world.reasons().contains(&Reason::PathConflict));
    world.insert(ingress("new", "a.example"));
    assert!(world.reasons().contains(&Reason::PathConflict));
}

#[test]
fn a_thousand_canaries_of_one_path_are_sixteen_on_its_route() {
    let canaries = (0..1000).map(|i| canary(&format!("c{i:04}"), "a.example", 1));
    let mut world = World::with(canaries.chain([ingress("web", "a.example"), service("web")]));
    let route = world.translator.resources().find_map(|resource| match &**resource {
        Resource::Route(route) => Some(route.canaries.len()),
        _ => None,
    });
    assert_eq!(route, Some(MAX_CANARIES));
    let told = world.reasons().iter().filter(|reason| **reason == Reason::AnnotationConflict).count();
    assert_eq!(told, 1000 - MAX_CANARIES);
    // Names sort descending: this one is among those that do not share the route.
    let output = world.insert(canary("c0000", "a.example", 2));
    assert_eq!(output, Output::default(), "nobody else is told anything");
}
