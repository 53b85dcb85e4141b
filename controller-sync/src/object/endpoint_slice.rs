//! EndpointSlice (`discovery.k8s.io/v1`).

use super::metadata::{Metadata, null_is_default};
use ingora_config::NamespacedName;
use serde::Deserialize;

/// The label that says whose endpoints they are.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

// The API server's own limits. Endpoints are multiplied by ports, so they bound what one object can cost.
const MAX_ENDPOINTS: usize = 1000;
const MAX_PORTS: usize = 100;
const MAX_ADDRESSES: usize = 100;
/// A UID is kept once for each address; those of the API server have 36 bytes.
const MAX_UID_BYTES: usize = 64;

/// Some of the endpoints of one Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSlice {
    /// Its name and, as a label, the Service's.
    pub metadata: Metadata,
    /// `IPv4`, `IPv6` or `FQDN`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub address_type: String,
    /// The endpoints.
    #[serde(default, deserialize_with = "null_is_default")]
    pub endpoints: Vec<SliceEndpoint>,
    /// The ports of every one of them.
    #[serde(default, deserialize_with = "null_is_default")]
    pub ports: Vec<SlicePort>,
}

/// One of `endpoints`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceEndpoint {
    /// Its addresses, as text.
    #[serde(default, deserialize_with = "null_is_default")]
    pub addresses: Vec<String>,
    /// Whether it takes requests.
    #[serde(default, deserialize_with = "null_is_default")]
    pub conditions: Conditions,
    /// What stands behind the addresses.
    #[serde(default)]
    pub target_ref: Option<TargetRef>,
}

/// `conditions`: unset is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Conditions {
    /// Ready and not terminating; unset counts as ready.
    #[serde(default)]
    pub ready: Option<bool>,
    /// Ready, terminating or not; unset follows `ready`.
    #[serde(default)]
    pub serving: Option<bool>,
    /// On its way out.
    #[serde(default)]
    pub terminating: Option<bool>,
}

/// `targetRef`, usually a Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct TargetRef {
    /// The UID of the object.
    #[serde(default, deserialize_with = "null_is_default")]
    pub uid: String,
}

/// One of `ports`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct SlicePort {
    /// The name of the *Service's* port; empty for an unnamed one.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// The number the endpoints listen on.
    #[serde(default)]
    pub port: Option<u16>,
    /// `TCP` (the default), `UDP` or `SCTP`.
    #[serde(default)]
    pub protocol: Option<String>,
}

impl EndpointSlice {
    /// The Service whose endpoints these are.
    pub fn service(&self) -> Option<NamespacedName> {
        let name = self.metadata.labels.get(SERVICE_NAME_LABEL)?;
        Some(NamespacedName::new(self.metadata.namespace.clone(), name.clone()))
    }

    pub(super) fn check_size(&self) -> Result<(), (&'static str, String)> {
        if self.endpoints.len() > MAX_ENDPOINTS {
            return Err(("endpoints", format!("a slice has at most {MAX_ENDPOINTS} endpoints")));
        }
        if self.ports.len() > MAX_PORTS {
            return Err(("ports", format!("a slice has at most {MAX_PORTS} ports")));
        }
        for endpoint in &self.endpoints {
            if endpoint.addresses.len() > MAX_ADDRESSES {
                let message = format!("an endpoint has at most {MAX_ADDRESSES} addresses");
                return Err(("endpoints.addresses", message));
            }
            if endpoint.target_ref.as_ref().is_some_and(|target| target.uid.len() > MAX_UID_BYTES) {
                return Err(("endpoints.targetRef.uid", format!("a UID has at most {MAX_UID_BYTES} bytes")));
            }
        }
        Ok(())
    }
}

impl Conditions {
    /// Whether it gets requests in the ordinary way.
    pub fn is_ready(self) -> bool {
        self.ready.unwrap_or(true)
    }

    /// Whether it still answers while it terminates: what is left when no endpoint is ready (Kubernetes, "EndpointSlice
    /// conditions").
    pub fn serves_while_terminating(self) -> bool {
        self.terminating.unwrap_or(false) && self.serving.unwrap_or(false)
    }
}
