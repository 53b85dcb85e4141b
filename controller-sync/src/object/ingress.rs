//! Ingress (`networking.k8s.io/v1`).

use super::metadata::{Metadata, null_is_default};
use serde::{Deserialize, Serialize};

/// An Ingress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Ingress {
    /// Name, age, annotations.
    pub metadata: Metadata,
    /// What is to be served.
    #[serde(default, deserialize_with = "null_is_default")]
    pub spec: IngressSpec,
    /// Where it can be reached, as last written by whoever; translation never reads it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub status: IngressStatus,
}

/// `status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngressStatus {
    /// The addresses.
    #[serde(default, deserialize_with = "null_is_default")]
    pub load_balancer: LoadBalancer,
}

/// `status.loadBalancer`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct LoadBalancer {
    /// One for each address or name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub ingress: Vec<LoadBalancerIngress>,
}

/// One of `status.loadBalancer.ingress`, of an Ingress or of a Service. Sorted as ingress-nginx writes them: by name (an address has
/// none), then by address as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub struct LoadBalancerIngress {
    /// A DNS name; empty when it is an address.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// An IP address; empty when it is a name.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub ip: String,
}

/// `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngressSpec {
    /// The IngressClass.
    #[serde(default)]
    pub ingress_class_name: Option<String>,
    /// Where requests go that no rule takes.
    #[serde(default)]
    pub default_backend: Option<IngressBackend>,
    /// Hosts and their paths.
    #[serde(default, deserialize_with = "null_is_default")]
    pub rules: Vec<IngressRule>,
    /// Certificates.
    #[serde(default, deserialize_with = "null_is_default")]
    pub tls: Vec<IngressTls>,
}

/// One of `spec.rules`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct IngressRule {
    /// The host; absent or empty is every host.
    #[serde(default)]
    pub host: Option<String>,
    /// The paths; absent means that the host only has the default backend.
    #[serde(default)]
    pub http: Option<HttpRule>,
}

/// `http` of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct HttpRule {
    /// The paths.
    #[serde(default, deserialize_with = "null_is_default")]
    pub paths: Vec<HttpPath>,
}

/// One path of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpPath {
    /// The path; absent or empty is `/`.
    #[serde(default)]
    pub path: Option<String>,
    /// `Exact`, `Prefix` or `ImplementationSpecific`; a text, because a wrong one is the user's mistake in this path
    /// alone.
    #[serde(default)]
    pub path_type: Option<String>,
    /// Where its requests go.
    #[serde(default, deserialize_with = "null_is_default")]
    pub backend: IngressBackend,
}

/// A backend: a Service, or something that is not served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct IngressBackend {
    /// A Service port.
    #[serde(default)]
    pub service: Option<ServiceBackend>,
}

/// `backend.service`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ServiceBackend {
    /// The Service's name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// Its port.
    #[serde(default, deserialize_with = "null_is_default")]
    pub port: ServiceBackendPort,
}

/// `backend.service.port`: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ServiceBackendPort {
    /// By name.
    #[serde(default)]
    pub name: Option<String>,
    /// By number; wide, because a number that is no port is the user's mistake in this path alone.
    #[serde(default)]
    pub number: Option<i64>,
}

/// One of `spec.tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngressTls {
    /// The hosts; none means every host of the Ingress that the certificate covers.
    #[serde(default, deserialize_with = "null_is_default")]
    pub hosts: Vec<String>,
    /// The Secret; absent is the default certificate.
    #[serde(default)]
    pub secret_name: Option<String>,
}
