//! What the store keeps, and what it drops at the door.

use super::{Options, Store};
use crate::object::{Kind, Object, ObjectKey};
use serde_json::{Value, json};

fn object(kind: &str, version: &str, metadata: &Value, spec: &Value) -> Object {
    let document = json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec});
    Object::from_value(document).unwrap().unwrap()
}

fn ingress(annotation: Option<&str>, class: Option<&str>) -> Object {
    let annotations = annotation.map(|value| json!({"kubernetes.io/ingress.class": value}));
    let metadata = json!({"name": "web", "annotations": annotations});
    object("Ingress", "networking.k8s.io/v1", &metadata, &json!({"ingressClassName": class}))
}

fn count(store: &Store, kind: Kind) -> usize {
    store.counts()[&kind]
}

#[test]
fn an_ingress_that_can_never_be_ours_is_not_kept() {
    let mut store = Store::new(Options::default());
    store.insert(ingress(Some("nginx"), None), None);
    assert_eq!(count(&store, Kind::Ingress), 0);
    assert!(!store.is_dirty());
    store.insert(ingress(None, Some("nginx")), None);
    assert_eq!(count(&store, Kind::Ingress), 1, "a class may come that makes it ours");
}

#[test]
fn an_ingress_that_turns_away_from_us_is_removed() {
    let mut store = Store::new(Options::default());
    store.insert(ingress(Some("ingora"), None), None);
    store.take_dirty();
    store.insert(ingress(Some("nginx"), None), None);
    assert_eq!(count(&store, Kind::Ingress), 0);
    assert!(store.is_dirty(), "what it served must go");
}

#[test]
fn only_the_watched_namespace_and_those_of_the_flags_are_kept() {
    let mut store = Store::new(Options {
        watch_namespace: Some("shop".into()),
        default_ssl_certificate: Some("edge/tls".parse().unwrap()),
        ..Options::default()
    });
    for namespace in ["shop", "edge", "bank"] {
        let metadata = json!({"name": "x", "namespace": namespace});
        store.insert(object("Secret", "v1", &metadata, &Value::Null), None);
        store.insert(object("Ingress", "networking.k8s.io/v1", &metadata, &json!({})), None);
    }
    assert_eq!(count(&store, Kind::Secret), 2);
    assert_eq!(count(&store, Kind::Ingress), 1);
}

#[test]
fn a_config_map_is_kept_where_the_flag_names_its_namespace() {
    let mut store = Store::new(Options {
        watch_namespace: Some("shop".into()),
        configmap: Some("edge/settings".parse().unwrap()),
        ..Options::default()
    });
    for namespace in ["edge", "bank"] {
        let metadata = json!({"name": "settings", "namespace": namespace});
        store.insert(object("ConfigMap", "v1", &metadata, &Value::Null), None);
    }
    assert_eq!(count(&store, Kind::ConfigMap), 1);
    let key = ObjectKey::new(Kind::ConfigMap, "edge/settings".parse().unwrap());
    assert!(store.take_dirty().config_maps.contains(&key.id));
    store.remove(&key);
    assert!(store.take_dirty().config_maps.contains(&key.id), "that it is gone is news, too");
}

#[test]
fn a_slice_that_changes_its_service_concerns_both() {
    let slice = |service: &str| {
        let metadata = json!({"name": "s", "labels": {"kubernetes.io/service-name": service}});
        object("EndpointSlice", "discovery.k8s.io/v1", &metadata, &Value::Null)
    };
    let mut store = Store::new(Options::default());
    store.insert(slice("one"), None);
    store.take_dirty();
    store.insert(slice("two"), None);
    let names: Vec<_> = store.take_dirty().endpoints.into_iter().map(|id| id.name).collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(store.slices(&"default/one".parse().unwrap()).count(), 0);
    assert_eq!(store.slices(&"default/two".parse().unwrap()).count(), 1);
}

#[test]
fn a_class_concerns_only_the_ingresses_that_name_it() {
    let mut store = Store::new(Options::default());
    store.insert(ingress(None, Some("edge")), None);
    let class = |name: &str| {
        let spec = json!({"controller": "ingora.io/ingress-controller"});
        object("IngressClass", "networking.k8s.io/v1", &json!({"name": name}), &spec)
    };
    store.take_dirty();
    store.insert(class("other"), None);
    assert!(!store.is_dirty());
    store.insert(class("edge"), None);
    assert_eq!(store.take_dirty().ingresses.len(), 1);
    store.insert(class("edge"), None);
    assert!(!store.is_dirty(), "the same class again changes nothing");
}

fn live(version: &str, address: Option<&str>) -> Object {
    let addresses = address.map(|ip| json!([{"ip": ip}]));
    let document = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "web", "uid": "u1", "resourceVersion": version, "generation": 1,
            "annotations": {"kubernetes.io/ingress.class": "ingora"}},
        "spec": {}, "status": {"loadBalancer": {"ingress": addresses}}});
    Object::from_value(document).unwrap().unwrap()
}

#[test]
fn a_status_that_changes_is_nothing_to_translate_and_is_not_forgotten() {
    let mut store = Store::new(Options::default());
    store.insert(live("1", None), None);
    store.take_dirty();
    store.insert(live("2", Some("192.0.2.1")), None);
    assert!(!store.is_dirty(), "our own writes come back this way");
    let id = "default/web".parse().unwrap();
    assert!(store.take_dirty().statuses.contains(&id));
    let (held, _) = store.ingress(&id).unwrap();
    assert_eq!(held.status.load_balancer.ingress[0].ip, "192.0.2.1");
    assert_eq!(&*held.metadata.resource_version.0, "2");
    store.insert(live("2", Some("192.0.2.1")), None);
    assert!(store.take_dirty().statuses.is_empty(), "the same again is no news");
}
