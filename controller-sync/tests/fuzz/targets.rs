//! The fuzz targets: tenant text in, and what must hold whatever it is.

use ingora_config::wire::{decode, encode};
use ingora_config::{Problem, Resource};
use ingora_controller_sync::object::{Object, ObjectKey};
use ingora_controller_sync::store::{Options, Store};
use ingora_controller_sync::translate::Translator;
use serde_json::{Value, json};
use std::time::SystemTime;

const PREFIX: &str = "nginx.ingress.kubernetes.io";

/// Values that one annotation or another takes.
pub(crate) const ANNOTATION_VALUES: &[&str] = &[
    "true",
    "false",
    "10",
    "0",
    "-5",
    "8m",
    "on",
    "/",
    "/$2",
    "/new/path",
    "https://www.example.com/new",
    "308",
    "canary",
    "always",
    "10.0.0.0/8,192.0.2.7,2001:db8::/32",
    "*.example.com,~^www\\d+\\.example\\.com$",
    "https://*.example.com:8443, null",
    "GET, POST",
    "X-One, X-Two",
    "$service_name.$namespace.svc.cluster.local",
    "shop/users",
    "basic",
    "200 202 5m, 401 10s",
    "^v[0-9]+$",
    "off",
    "error timeout http_502",
    "CN=.*",
    "more_set_headers 'X: y';",
    "",
];

/// Paths of rules.
pub(crate) const PATHS: &[&str] =
    &["/", "/shop", "/shop/", "/something(/|$)(.*)", "/[a-z]{3}/x", "/ä", "", "//", "/a/../b"];

/// Hosts of rules.
pub(crate) const HOSTS: &[&str] =
    &["a.example", "*.example.com", "", "www.a.example", "a.example.", "xn--e1afmkfd.example"];

/// One annotation on an Ingress whose path is a regular expression.
pub(crate) fn annotation(name: &str, value: &str) {
    annotations(&[(name.to_owned(), value.to_owned())]);
}

/// Any annotations.
pub(crate) fn annotations(set: &[(String, String)]) {
    let annotations: serde_json::Map<String, Value> =
        set.iter().map(|(name, value)| (format!("{PREFIX}/{name}"), json!(value))).collect();
    translate(&ingress("tenant", &Value::Object(annotations), "a.example", "/something(/|$)(.*)"));
}

/// Any host and path.
pub(crate) fn rule(host: &str, path: &str) {
    translate(&ingress("tenant", &json!({format!("{PREFIX}/use-regex"): "true"}), host, path));
}

fn ingress(name: &str, annotations: &Value, host: &str, path: &str) -> Value {
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"namespace": "shop", "name": name, "annotations": annotations},
        "spec": {"rules": [{"host": host, "http": {"paths": [
            {"path": path, "pathType": "ImplementationSpecific", "backend": backend},
            {"path": "/plain", "pathType": "Prefix", "backend": backend},
        ]}}]},
    })
}

fn object(value: Value) -> Option<Object> {
    Object::from_value(value).ok().flatten()
}

/// Translates the Ingress beside one of another tenant, and takes it away again.
fn translate(ingress: &Value) {
    let size = ingress.to_string().len();
    let options = Options { watch_ingress_without_class: true, ..Options::default() };
    let mut store = Store::new(options);
    let mut translator = Translator::new();
    let neighbour = ingress_of_neighbour();
    store.insert(object(neighbour).expect("a sound Ingress decodes"), None);
    translator.translate(&mut store, SystemTime::UNIX_EPOCH);
    let before = state(&translator);

    let Some(tenant) = object(ingress.clone()) else { return };
    let key: ObjectKey = tenant.key();
    store.insert(tenant, None);
    translator.translate(&mut store, SystemTime::UNIX_EPOCH);
    translator.problems().for_each(is_bounded);
    assert!(translator.problems().count() < 220, "problems without end");
    let mut bytes = 0;
    for resource in translator.resources() {
        let encoded = encode(&**resource).expect("what is published fits into a frame");
        let decoded: Resource = decode(&encoded).expect("the gateway reads what is published");
        assert_eq!(decoded, **resource);
        bytes += encoded.len();
    }
    assert!(bytes < 20_000 + 20 * size, "{bytes} bytes of configuration from {size} of text");

    store.remove(&key);
    translator.translate(&mut store, SystemTime::UNIX_EPOCH);
    assert_eq!(state(&translator), before, "a tenant left something behind");
}

fn ingress_of_neighbour() -> Value {
    let mut ingress = ingress("neighbour", &json!({}), "b.example", "/");
    ingress["metadata"]["namespace"] = json!("bank");
    ingress
}

fn state(translator: &Translator) -> (Vec<Resource>, Vec<Problem>) {
    let mut resources: Vec<Resource> = translator.resources().map(|resource| (**resource).clone()).collect();
    resources.sort_by_key(Resource::key);
    (resources, translator.problems().cloned().collect())
}

/// A problem is read by people and by terminals.
fn is_bounded(problem: &Problem) {
    let text = problem.to_string();
    assert!(text.len() < 4096, "a problem of {} bytes", text.len());
    assert!(!text.chars().any(char::is_control), "control characters in {text:?}");
}
