//! The roles of the chart, moved into the namespace of one test: names of cluster-wide objects get a suffix, everything else
//! is applied as users apply it.

use super::chart;
use super::object::{is_cluster_wide, name};
use serde_json::{Value, json};
use std::sync::OnceLock;

/// Short names, and every rule that any values bring about.
const VALUES: &str = "fullnameOverride=ingora,controller.name=,controller.scope.namespaceSelector=team=a";

/// Kinds that say what may be done.
const KINDS: [&str; 5] = ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"];

/// The objects for `namespace`.
pub(crate) fn objects(namespace: &str) -> Vec<Value> {
    static RENDERED: OnceLock<Vec<Value>> = OnceLock::new();
    let mut objects = RENDERED.get_or_init(|| chart::objects(&["--set", VALUES])).clone();
    objects.retain(|object| KINDS.iter().any(|kind| object["kind"] == *kind));
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
