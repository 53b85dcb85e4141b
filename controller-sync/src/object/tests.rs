//! Decoding of documents as users and the API server write them.

use super::{Kind, Object};
use serde_json::json;

fn ingress(spec: &serde_json::Value) -> serde_json::Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"}, "spec": spec})
}

#[test]
fn the_namespace_defaults_to_default_for_namespaced_kinds_only() {
    let object = Object::from_value(ingress(&json!({}))).unwrap().unwrap();
    assert_eq!(object.key().to_string(), "Ingress default/web");
    let class = json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
        "metadata": {"name": "ingora", "namespace": "stray"}});
    assert_eq!(Object::from_value(class).unwrap().unwrap().key().to_string(), "IngressClass ingora");
}

#[test]
fn a_kind_or_version_that_is_not_read_is_no_error() {
    for (version, kind) in
        [("v1", "Pod"), ("networking.k8s.io/v1beta1", "Ingress"), ("example.com/v1", "Service")]
    {
        let document = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}});
        assert_eq!(Object::from_value(document), Ok(None), "{version} {kind}");
    }
}

#[test]
fn an_error_names_object_and_field() {
    let paths = json!([{"path": "/"}, {"path": 7}]);
    let document = ingress(&json!({"rules": [{"http": {"paths": paths}}]}));
    let error = Object::from_value(document).unwrap_err();
    assert_eq!(error.field, "spec.rules[0].http.paths[1].path");
    assert_eq!(error.object.to_string(), "Ingress default/web");
    assert!(error.to_string().starts_with("Ingress default/web cannot be read: spec.rules[0]"), "{error}");
}

#[test]
fn what_go_writes_as_null_is_empty() {
    let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "s", "labels": null, "creationTimestamp": null},
        "endpoints": null, "ports": null});
    assert!(Object::from_value(slice).unwrap().is_some());
    let rules =
        ingress(&json!({"rules": [{"host": null, "http": null}], "tls": null, "defaultBackend": null}));
    assert!(Object::from_value(rules).unwrap().is_some());
}

#[test]
fn nothing_of_a_secret_but_certificate_and_key_is_kept_and_neither_is_shown() {
    let document = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
        "data": {"tls.crt": "Y2h\nhaW4=", "tls.key": "VE9QLVNFQ1JFVA==", "password": "aHVudGVyMg=="}});
    let Some(Object::Secret(secret)) = Object::from_value(document).unwrap() else { panic!("a Secret") };
    assert_eq!(secret.certificate.as_deref(), Some(&b"chain"[..]));
    assert_eq!(secret.key.as_ref().unwrap().expose_pem(), b"TOP-SECRET");
    let shown = format!("{secret:?} {:?}", Object::Secret(secret.clone()));
    assert!(!shown.contains("TOP-SECRET") && !shown.contains("84, 79"), "{shown}");
}

#[test]
fn string_data_replaces_data() {
    let document = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
        "data": {"tls.crt": "b2xk"}, "stringData": {"tls.crt": "new"}});
    let Some(Object::Secret(secret)) = Object::from_value(document).unwrap() else { panic!("a Secret") };
    assert_eq!(secret.certificate.as_deref(), Some(&b"new"[..]));
}

#[test]
fn an_error_never_quotes_a_secret() {
    for data in [json!("TOP-SECRET"), json!({"tls.key": ["TOP-SECRET"]}), json!({"tls.key": "TOP-SECRET"})] {
        let document = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": data});
        let error = Object::from_value(document).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("TOP-SECRET"), "{error:?}");
        assert!(error.field.starts_with("data"), "{error:?}");
    }
}

#[test]
fn hostile_names_and_sizes_are_refused_with_a_short_message() {
    let long = "a".repeat(1_000_000);
    for metadata in
        [json!({"name": long}), json!({"name": "a/b"}), json!({}), json!({"name": "a", "namespace": long})]
    {
        let document = json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata});
        let error = Object::from_value(document).unwrap_err();
        assert!(error.to_string().len() < 1000, "{} bytes", error.to_string().len());
    }
    let ports: Vec<_> = (0..101).map(|port| json!({"port": port})).collect();
    let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "s"}, "ports": ports});
    assert_eq!(Object::from_value(slice).unwrap_err().field, "ports");
    let mistyped = ingress(&json!({"rules": long}));
    assert!(Object::from_value(mistyped).unwrap_err().to_string().len() < 1000);
}

#[test]
fn one_slice_cannot_exhaust_memory_by_long_uids_or_endless_addresses() {
    let slice = |endpoint: serde_json::Value| {
        Object::from_value(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "s"}, "addressType": "IPv4", "endpoints": [endpoint]}))
    };
    let addresses = |count: usize| json!({"addresses": vec!["10.0.0.1"; count]});
    let uid = |bytes: usize| json!({"addresses": ["10.0.0.1"], "targetRef": {"uid": "u".repeat(bytes)}});
    assert!(slice(addresses(100)).is_ok() && slice(uid(64)).is_ok());
    assert_eq!(slice(addresses(101)).unwrap_err().field, "endpoints.addresses");
    assert_eq!(slice(uid(65)).unwrap_err().field, "endpoints.targetRef.uid");
}

#[test]
fn a_config_map_is_texts_by_key_and_bounded() {
    let map = |data: serde_json::Value| {
        Object::from_value(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}),
        )
    };
    let Ok(Some(Object::ConfigMap(read))) = map(json!({"a": "1", "b": null})) else { panic!("a ConfigMap") };
    assert_eq!(
        read.data.into_iter().collect::<Vec<_>>(),
        [("a".into(), "1".into()), ("b".into(), String::new())]
    );
    assert!(map(json!(null)).is_ok());
    assert_eq!(map(json!({"keep-alive": 75})).unwrap_err().field, "data.keep-alive");
    let half = "x".repeat(crate::object::config_map::MAX_DATA_BYTES / 2 - 1);
    assert!(map(json!({"a": half, "b": half})).is_ok());
    assert_eq!(map(json!({"a": half, "b": half, "c": ""})).unwrap_err().field, "data");
}

#[test]
fn every_document_that_is_no_object_is_refused() {
    for document in [
        json!(null),
        json!([]),
        json!("text"),
        json!({}),
        json!({"kind": "Ingress"}),
        json!({"apiVersion": 1}),
    ] {
        assert!(Object::from_value(document.clone()).is_err(), "{document}");
    }
    assert_eq!(Kind::ALL.len(), 6);
}
