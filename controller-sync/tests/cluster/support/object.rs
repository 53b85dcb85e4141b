//! Kubernetes objects as JSON, and where they live in the API.

use serde_json::Value;

/// The documents of a YAML text; comments between them are none.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    let parse = |text: &str| {
        serde_saphyr::from_str::<Value>(text).unwrap_or_else(|error| panic!("{error} in:\n{text}"))
    };
    let documents = format!("\n{text}");
    documents.split("\n---").map(parse).filter(|document| !document.is_null()).collect()
}

/// `metadata.name`.
pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// Whether objects of this kind live in no namespace.
pub(crate) fn is_cluster_wide(kind: &str) -> bool {
    matches!(kind, "Namespace" | "IngressClass" | "ClusterRole" | "ClusterRoleBinding" | "Node")
}

/// The path of the collection that an object belongs to.
pub(crate) fn collection(object: &Value) -> String {
    let (version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
    let root = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
    let plural = match kind {
        "Ingress" | "IngressClass" => format!("{}es", kind.to_lowercase()),
        _ => format!("{}s", kind.to_lowercase()),
    };
    if is_cluster_wide(kind) {
        return format!("{root}/{plural}");
    }
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
    format!("{root}/namespaces/{namespace}/{plural}")
}

/// The path of an object.
pub(crate) fn path(object: &Value) -> String {
    format!("{}/{}", collection(object), name(object))
}
