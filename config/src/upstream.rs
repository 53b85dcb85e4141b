//! Upstreams: a Service port that some route uses, and the addresses behind it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;

/// A Service port as a backend names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ServicePort {
    /// `port.number`.
    Number(u16),
    /// `port.name`.
    Name(String),
    /// The first port of the Service, as `--default-backend-service` takes it.
    First,
}

impl fmt::Display for ServicePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => f.write_str(name),
            Self::First => f.write_str("first"),
        }
    }
}

/// The identity of an upstream: a Service port, or with an empty namespace a host outside of the cluster. Its display form, `namespace-service-port`, is the upstream name that ingress-nginx
/// users know from the access log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UpstreamId {
    /// The namespace of the Service.
    pub namespace: String,
    /// The name of the Service.
    pub service: String,
    /// The port of the Service.
    pub port: ServicePort,
}

impl UpstreamId {
    /// A port of a host outside of the cluster: a DNS name or an address. No Service has an empty namespace.
    pub fn outside(host: &str, port: u16) -> Self {
        Self { namespace: String::new(), service: host.to_owned(), port: ServicePort::Number(port) }
    }

    /// Whether it is a host outside of the cluster.
    pub fn is_outside(&self) -> bool {
        self.namespace.is_empty()
    }
}

impl fmt::Display for UpstreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_outside() {
            return write!(f, "{}-{}", self.service, self.port);
        }
        write!(f, "{}-{}-{}", self.namespace, self.service, self.port)
    }
}

/// What the gateway speaks to the endpoints of an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protocol {
    /// HTTP/1.1 in clear text.
    #[default]
    Http1,
    /// HTTP/2 in clear text with prior knowledge: a Service port with `appProtocol: kubernetes.io/h2c`.
    H2c,
}

/// What is known of an upstream besides its endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Upstream {
    /// Which Service port it is.
    pub id: UpstreamId,
    /// How its endpoints are spoken to.
    pub protocol: Protocol,
    /// The Service's own address (`clusterIP`) with the port, for `service-upstream`; a headless Service has none.
    pub service_address: Option<SocketAddr>,
}

/// One address behind an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Endpoint {
    /// Address and port; for ExternalName Services a resolved address.
    pub address: SocketAddr,
    /// What stands behind the address, the Pod's UID where it is known. Connections are never shared between two
    /// different targets, even when an address is used again.
    pub target: String,
}

/// The addresses of one upstream: sorted, without duplicates, only those that may get requests now.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Endpoints {
    /// Of which upstream.
    pub upstream: UpstreamId,
    /// The addresses; empty means that requests are answered with 503.
    pub endpoints: Vec<Endpoint>,
}
