//! Service (`v1`).

use super::metadata::{Metadata, null_is_default};
use serde::Deserialize;

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Service {
    /// Its name.
    pub metadata: Metadata,
    /// Ports and, for an ExternalName, where it points to.
    #[serde(default, deserialize_with = "null_is_default")]
    pub spec: ServiceSpec,
}

/// `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSpec {
    /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`; absent is `ClusterIP`.
    #[serde(default, rename = "type")]
    pub service_type: Option<String>,
    /// The DNS name of an ExternalName Service.
    #[serde(default)]
    pub external_name: Option<String>,
    /// Its own address; `None` as a text for a headless Service.
    #[serde(default, rename = "clusterIP")]
    pub cluster_ip: Option<String>,
    /// The ports.
    #[serde(default, deserialize_with = "null_is_default")]
    pub ports: Vec<ServicePortSpec>,
}

/// One of `spec.ports`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePortSpec {
    /// Its name; absent when it is the only one.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// Its number.
    #[serde(default)]
    pub port: u16,
    /// `TCP` (the default), `UDP` or `SCTP`.
    #[serde(default)]
    pub protocol: Option<String>,
    /// What is spoken there, for example `kubernetes.io/h2c`.
    #[serde(default)]
    pub app_protocol: Option<String>,
    /// The port of the Pods; absent is the same number.
    #[serde(default)]
    pub target_port: Option<IntOrString>,
}

/// `targetPort`: a number or the name of a container port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum IntOrString {
    /// A number.
    Int(i64),
    /// A name, or a number as text.
    String(String),
}

impl IntOrString {
    /// The port number, when it is one.
    pub fn number(&self) -> Option<u16> {
        match self {
            Self::Int(number) => u16::try_from(*number).ok(),
            Self::String(text) => text.parse().ok(),
        }
        .filter(|port| *port != 0)
    }

    /// Whether it reads as `text`.
    pub fn is(&self, text: &str) -> bool {
        match self {
            Self::Int(number) => number.to_string() == text,
            Self::String(own) => own == text,
        }
    }
}

impl Service {
    /// The name an ExternalName Service points to; `None` for every other Service.
    pub fn external_name(&self) -> Option<&str> {
        match self.spec.service_type.as_deref() {
            Some("ExternalName") => Some(self.spec.external_name.as_deref().unwrap_or_default()),
            _ => None,
        }
    }
}

impl ServicePortSpec {
    /// Only TCP ports can be proxied to.
    pub fn is_tcp(&self) -> bool {
        self.protocol.as_deref().is_none_or(|protocol| protocol == "TCP")
    }
}
