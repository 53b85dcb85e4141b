//! What the golden cases cannot show: what a single change costs and says, time, and hostile objects.

use super::{Change, Output, Translator};
use super::{Fate, Sighting};
use crate::object::Object;
use crate::store::{Options, Store};
use fixtures::{ingress, ingress_with, remove, secret, service, slice};
use ingora_config::{Key, Reason, Resource, Severity, SourceLocation};
use serde_json::json;
use std::time::{Duration, SystemTime};

mod canary;
mod fixtures;
mod hostile;
mod random;

const DAY: u64 = 86_400;

/// A store with its translator, in which every Ingress without a class is ours.
struct World {
    store: Store,
    translator: Translator,
    now: SystemTime,
}

impl World {
    fn new() -> Self {
        let options = Options { watch_ingress_without_class: true, ..Options::default() };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000 * DAY);
        Self { store: Store::new(options), translator: Translator::new(), now }
    }

    fn with(objects: impl IntoIterator<Item = Object>) -> Self {
        let mut world = Self::new();
        objects.into_iter().for_each(|object| world.store.insert(object, None));
        world.translate();
        world
    }

    fn insert(&mut self, object: Object) -> Output {
        self.store.insert(object, None);
        self.translate()
    }

    fn translate(&mut self) -> Output {
        self.translator.translate(&mut self.store, self.now)
    }

    fn reasons(&self) -> Vec<Reason> {
        self.translator.problems().map(|problem| problem.reason).collect()
    }

    /// The addresses of the only upstream.
    fn addresses(&self) -> Vec<String> {
        let endpoints = self.translator.resources().find_map(|resource| match &**resource {
            Resource::Endpoints(endpoints) => Some(endpoints),
            _ => None,
        });
        endpoints.unwrap().endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect()
    }
}

fn keys(output: &Output) -> Vec<Key> {
    let key = |change: &Change| match change {
        Change::Upsert(resource) => resource.key(),
        Change::Remove(key) => key.clone(),
    };
    output.changes.iter().map(key).collect()
}

#[test]
fn what_did_not_change_is_not_sent() {
    let mut world = World::with([ingress("web", "a.example"), service("web"), slice("web", "10.0.0.1")]);
    for object in [ingress("web", "a.example"), service("web"), slice("web", "10.0.0.1")] {
        assert_eq!(world.insert(object), Output::default());
    }
    assert!(!world.store.is_dirty());
}

#[test]
fn an_endpoint_change_sends_endpoints_and_nothing_else() {
    let mut world = World::with([ingress("web", "a.example"), service("web"), slice("web", "10.0.0.1")]);
    let output = world.insert(slice("web", "10.0.0.2"));
    assert!(matches!(keys(&output)[..], [Key::Endpoints(_)]), "{output:?}");
    assert_eq!(world.addresses(), ["10.0.0.2:8080"]);
}

#[test]
fn endpoints_of_a_service_that_nobody_names_send_nothing() {
    let mut world = World::with([ingress("web", "a.example"), service("web"), slice("web", "10.0.0.1")]);
    assert_eq!(world.insert(slice("other", "10.0.0.2")), Output::default());
}

#[test]
fn one_edited_ingress_among_many_sends_only_its_own_resources() {
    let many = (0..500).map(|i| ingress(&format!("web-{i}"), &format!("h{i}.example")));
    let mut world = World::with(many.chain([service("web")]));
    let output = world.insert(ingress("web-7", "new.example"));
    let mut keys = keys(&output);
    keys.sort();
    assert!(
        matches!(&keys[..], [Key::VirtualHost(_), Key::VirtualHost(_), Key::Route(_), Key::Route(_)]),
        "{keys:?}"
    );
}

#[test]
fn a_renewed_certificate_sends_the_certificate_alone() {
    let tls = json!([{"hosts": ["a.example"], "secretName": "tls"}]);
    let mut world = World::with([
        ingress_with("web", "a.example", &json!({"tls": tls})),
        service("web"),
        secret("tls", "a.example"),
    ]);
    let output = world.insert(secret("tls", "a.example"));
    assert!(matches!(keys(&output)[..], [Key::Certificate(_)]), "{output:?}");
    assert!(!format!("{output:?}").contains("PRIVATE KEY"));
}

#[test]
fn a_certificate_that_serves_no_host_any_more_is_taken_back() {
    let tls = json!({"tls": [{"hosts": ["a.example"], "secretName": "tls"}]});
    let mut world =
        World::with([ingress_with("web", "a.example", &tls), service("web"), secret("tls", "a.example")]);
    let output = world.insert(ingress("web", "a.example"));
    assert!(
        output.changes.iter().any(|change| matches!(change, Change::Remove(Key::Certificate(_)))),
        "{output:?}"
    );
}

#[test]
fn a_certificate_expires_although_nothing_changes_and_a_clock_set_back_is_believed() {
    let tls = json!({"tls": [{"hosts": ["a.example"], "secretName": "tls"}]});
    let mut world =
        World::with([ingress_with("web", "a.example", &tls), service("web"), secret("tls", "a.example")]);
    let valid = world.now;
    assert!(!world.reasons().contains(&Reason::CertificateExpired));
    world.now = valid + Duration::from_secs(fixtures::DAYS_VALID * DAY + 1);
    let output = world.translate();
    assert_eq!(output.changes, [], "it is served all the same");
    assert_eq!(output.new_problems[0].reason, Reason::CertificateExpired);
    world.now = valid;
    assert_eq!(world.translate().solved_problems[0].reason, Reason::CertificateExpired);
    world.now = SystemTime::UNIX_EPOCH;
    assert!(world.translate().new_problems[0].message.contains("not valid yet"));
    world.now = valid;
    assert_eq!(world.translate().solved_problems.len(), 1);
}

#[test]
fn an_object_that_moved_in_its_file_tells_its_new_place_and_nothing_else() {
    let mut world = World::new();
    let at = |line| Some(SourceLocation { file: "a.yaml".into(), line });
    world.store.insert(ingress("web", "a.example"), at(1));
    assert_eq!(world.translate().new_problems[0].reason, Reason::ServiceNotFound);
    world.store.insert(ingress("web", "a.example"), at(9));
    assert_eq!(world.translate(), Output::default());
    assert_eq!(world.translator.problems().next().unwrap().location, at(9));
}

#[test]
fn a_class_that_comes_later_and_goes_again_is_followed() {
    let named = json!({"ingressClassName": "ingora"});
    let mut world = World::with([ingress_with("web", "a.example", &named), service("web")]);
    assert_eq!(world.reasons(), [Reason::ClassNotFound]);
    assert_eq!(world.translator.ingresses(), 0);
    let class = fixtures::decode(json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
        "metadata": {"name": "ingora"}, "spec": {"controller": "ingora.io/ingress-controller"}}));
    world.insert(class.clone());
    assert_eq!((world.translator.ingresses(), world.reasons()), (1, vec![Reason::NoEndpoints]));
    remove(&mut world.store, &class);
    world.translate();
    assert_eq!((world.translator.ingresses(), world.reasons()), (0, vec![Reason::ClassNotFound]));
}

#[test]
fn the_last_good_addresses_of_a_name_stay_when_dns_fails() {
    let external =
        json!({"type": "ExternalName", "externalName": "backend.example", "ports": [{"port": 80}]});
    let service = |spec: &serde_json::Value| {
        fixtures::decode(
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}),
        )
    };
    let mut world = World::with([ingress("web", "a.example"), service(&external)]);
    assert_eq!(world.store.names_to_resolve().into_iter().collect::<Vec<_>>(), ["backend.example"]);
    world.store.resolved("backend.example", Ok(vec!["10.0.0.9".parse().unwrap()]));
    assert!(matches!(keys(&world.translate())[..], [Key::Endpoints(_)]));

    world.store.resolved("backend.example", Err("timed out".into()));
    let output = world.translate();
    assert_eq!(output.changes, []);
    assert_eq!(output.new_problems[0].severity, Severity::Warning);
    assert_eq!(world.addresses(), ["10.0.0.9:80"]);

    world.store.resolved("backend.example", Ok(vec!["10.0.0.8".parse().unwrap()]));
    assert_eq!(world.translate().solved_problems.len(), 1);
    assert_eq!(world.addresses(), ["10.0.0.8:80"]);

    world.insert(service(&json!({"ports": [{"port": 80}]})));
    assert!(world.store.names_to_resolve().is_empty());
    world.store.resolved("backend.example", Ok(vec!["10.0.0.7".parse().unwrap()]));
    assert!(!world.store.is_dirty(), "an answer that nobody waits for changes nothing");
}

#[test]
fn services_that_swap_their_external_names_keep_both_answers() {
    let external = |service: &str, name: &str| {
        fixtures::decode(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": service},
            "spec": {"type": "ExternalName", "externalName": name, "ports": [{"port": 80}]}}))
    };
    let rule = |name: &str| {
        let backend = json!({"service": {"name": name, "port": {"number": 80}}});
        let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
        json!({"host": format!("{name}.example"), "http": {"paths": [path]}})
    };
    let rules = json!({"rules": [rule("blue"), rule("green")]});
    let mut world = World::with([
        ingress_with("web", "", &rules),
        external("blue", "x.example"),
        external("green", "y.example"),
    ]);
    world.store.resolved("x.example", Ok(vec!["10.0.0.1".parse().unwrap()]));
    world.store.resolved("y.example", Ok(vec!["10.0.0.2".parse().unwrap()]));
    world.translate();
    world.store.insert(external("blue", "y.example"), None);
    world.store.insert(external("green", "x.example"), None);
    world.translate();
    let shown = |world: &World| -> Vec<String> {
        let endpoints = world.translator.resources().filter_map(|resource| match &**resource {
            Resource::Endpoints(endpoints) => Some(endpoints),
            _ => None,
        });
        endpoints.flat_map(|all| &all.endpoints).map(|endpoint| endpoint.address.to_string()).collect()
    };
    assert_eq!(shown(&world), ["10.0.0.2:80", "10.0.0.1:80"]);
    world.store.insert(external("green", "y.example"), None);
    world.translate();
    assert_eq!(world.store.names_to_resolve().into_iter().collect::<Vec<_>>(), ["y.example"]);
}

#[test]
fn a_service_that_comes_later_solves_the_problem_of_every_ingress() {
    let mut world = World::with((0..3).map(|i| ingress(&format!("web-{i}"), &format!("h{i}.example"))));
    assert_eq!(world.reasons(), [Reason::ServiceNotFound; 3]);
    let output = world.insert(service("web"));
    assert_eq!(output.solved_problems.len(), 3);
    assert!(!keys(&output).iter().any(|key| matches!(key, Key::Route(_))), "{output:?}");
}

fn live(version: &str, class: &str, address: Option<&str>) -> Object {
    let addresses = address.map(|ip| json!([{"ip": ip}]));
    fixtures::decode(json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "web", "uid": "u1", "resourceVersion": version, "generation": 4,
            "annotations": {"kubernetes.io/ingress.class": class}},
        "spec": {}, "status": {"loadBalancer": {"ingress": addresses}}}))
}

#[test]
fn the_outputs_are_told_of_an_ingress_from_its_coming_to_its_end() {
    let mut world = World::new();
    let output = world.insert(live("1", "ingora", None));
    let [Sighting { id, fate: Fate::Ours(first, true) }] = &output.sightings[..] else {
        panic!("{output:?}")
    };
    assert_eq!((id.to_string(), &*first.uid, first.generation), ("default/web".into(), "u1", 4));
    assert_eq!((&*first.resource_version, first.addresses.len()), ("1", 0));

    let output = world.insert(live("2", "ingora", Some("192.0.2.1")));
    let [Sighting { fate: Fate::Ours(second, false), .. }] = &output.sightings[..] else {
        panic!("{output:?}")
    };
    assert_eq!((&*second.resource_version, &*second.addresses[0].ip), ("2", "192.0.2.1"));
    assert_eq!(
        Output { sightings: Vec::new(), ..output },
        Output::default(),
        "a status changes nothing else"
    );

    let output = world.insert(live("3", "other", Some("192.0.2.1")));
    let [Sighting { fate: Fate::NotOurs(third), .. }] = &output.sightings[..] else { panic!("{output:?}") };
    assert_eq!((&*third.resource_version, &*third.addresses[0].ip), ("3", "192.0.2.1"));

    world.insert(live("4", "ingora", None));
    remove(&mut world.store, &live("4", "ingora", None));
    let output = world.translate();
    assert!(matches!(&output.sightings[..], [Sighting { fate: Fate::Gone, .. }]), "{output:?}");
}

#[test]
fn an_ingress_from_a_file_is_told_to_nobody() {
    let mut world = World::new();
    assert_eq!(world.insert(ingress("web", "a.example")).sightings, []);
}
