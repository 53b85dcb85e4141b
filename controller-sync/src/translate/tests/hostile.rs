//! Objects that nobody means well with: large, long, odd. Translation must stay linear, short in its words, and confined
//! to the object.

use super::World;
use super::fixtures::{decode, ingress, secret, service};
use crate::object::Object;
use ingora_config::{Key, Resource};
use serde_json::{Value, json};

fn ingress_of(spec: &Value) -> Object {
    decode(
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "evil"}, "spec": spec}),
    )
}

fn path(path: &str, service: &str) -> Value {
    json!({"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}})
}

fn assert_short(world: &World) {
    let problems: Vec<_> = world.translator.problems().collect();
    for problem in &problems {
        let text = problem.to_string();
        assert!(text.len() < 1500, "{} bytes: {}", text.len(), text.chars().take(200).collect::<String>());
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}

#[test]
fn a_hundred_thousand_paths_are_routes_and_a_hundred_thousand_bad_ones_are_a_hundred_problems() {
    let good: Vec<Value> = (0..100_000).map(|i| path(&format!("/p{i}"), "web")).collect();
    let rules = json!({"rules": [{"host": "a.example", "http": {"paths": good}}]});
    let mut world = World::with([service("web"), ingress_of(&rules)]);
    let routes = world.translator.resources().filter(|resource| matches!(***resource, Resource::Route(_)));
    assert_eq!(routes.count(), 100_000);

    let bad: Vec<Value> = (0..100_000).map(|i| path(&format!("bad {i}"), "web")).collect();
    let rules = json!({"rules": [{"host": "a.example", "http": {"paths": bad}}]});
    let output = world.insert(ingress_of(&rules));
    assert!(output.new_problems.len() <= 102, "{} problems", output.new_problems.len());
    assert!(!world.translator.resources().any(|resource| matches!(**resource, Resource::Route(_))));
    assert_short(&world);
}

#[test]
fn a_megabyte_where_a_name_belongs_is_told_in_a_sentence() {
    let long = "\u{1b}é".repeat(300_000);
    let backend = json!({"service": {"name": long, "port": {"name": long}}});
    let world = World::with([ingress_of(&json!({
        "defaultBackend": backend,
        "rules": [
            {"host": long, "http": {"paths": [path("/", "web")]}},
            {"host": format!("*.{long}")},
            {"host": "a.example", "http": {"paths": [
                path(&long, "web"),
                {"path": "/type", "pathType": long, "backend": backend},
                {"path": "/port", "backend": {"service": {"name": "web", "port": {"name": long}}}},
            ]}},
        ],
        "tls": [{"hosts": [long], "secretName": long}],
    }))]);
    assert!(world.translator.problems().count() >= 7);
    assert_short(&world);
    let mut annotated =
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "evil"}});
    annotated["metadata"]["annotations"] = json!({format!("nginx.ingress.kubernetes.io/{long}"): "x"});
    assert_short(&World::with([decode(annotated)]));
}

/// Thousands of hosts that no entry lists times thousands of Secrets: looked up, not tried one by one.
#[test]
fn many_hosts_and_many_secrets_in_one_ingress_do_not_multiply() {
    let rules: Vec<Value> = (0..20_000).map(|i| json!({"host": format!("h{i}.example")})).collect();
    let tls: Vec<Value> = (0..20_000).map(|i| json!({"secretName": format!("s{i}")})).collect();
    let world =
        World::with([ingress_of(&json!({"rules": rules, "tls": tls})), secret("s19999", "h19999.example")]);
    let served = world
        .translator
        .resources()
        .filter(|resource| matches!(&***resource, Resource::VirtualHost(host) if host.certificate.is_some()));
    assert_eq!(served.count(), 1);
    assert!(world.translator.resources().any(|resource| matches!(resource.key(), Key::Certificate(_))));
}

#[test]
fn a_broken_neighbour_costs_the_others_nothing() {
    let evil = ingress_of(&json!({"rules": [
        {"host": "a.example", "http": {"paths": [path("/", "web"), path("/", "web"), path("\u{0}", "")]}},
        {"host": "b..example"},
    ]}));
    let alone = World::with([ingress("good", "good.example"), service("web")]);
    let both = World::with([evil, ingress("good", "good.example"), service("web")]);
    for resource in alone.translator.resources() {
        assert!(both.translator.resources().any(|other| other == resource), "{resource:?} is missing");
    }
}
