//! `helm/rbac.yaml`, moved into the namespace of one test: names of cluster-wide objects get a suffix, everything else
//! is applied as users apply it.

use super::object::{documents, is_cluster_wide, name};
use serde_json::{Value, json};

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../helm/rbac.yaml");

/// The objects of the manifest for `namespace`.
pub(crate) fn objects(namespace: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(MANIFEST).unwrap_or_else(|error| panic!("{MANIFEST}: {error}"));
    let mut objects = documents(&text);
    objects.retain(|object| object["kind"] != "Namespace");
    objects.iter_mut().for_each(|object| settle(object, namespace));
    objects
}

/// The name of the ServiceAccount.
pub(crate) fn account(objects: &[Value]) -> &str {
    name(objects.iter().find(|object| object["kind"] == "ServiceAccount").expect("a ServiceAccount"))
}

fn settle(object: &mut Value, namespace: &str) {
    let kind = object["kind"].as_str().unwrap().to_owned();
    if is_cluster_wide(&kind) {
        object["metadata"]["name"] = json!(format!("{}-{namespace}", name(object)));
    } else {
        object["metadata"]["namespace"] = json!(namespace);
    }
    for subject in object.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
        subject["namespace"] = json!(namespace);
    }
    if object["roleRef"]["kind"] == "ClusterRole" {
        let role = object["roleRef"]["name"].as_str().unwrap();
        object["roleRef"]["name"] = json!(format!("{role}-{namespace}"));
    }
}
