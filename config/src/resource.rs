//! The resources of the three lanes (routes, endpoints, certificates) and the keys they are replaced by.

use crate::policy::ProxySslSecret;
use crate::{
    Authority, Certificate, Endpoints, Host, NamespacedName, Route, RouteKey, Settings, Upstream, UpstreamId,
    Users, UsersId, VirtualHost,
};
use serde::{Deserialize, Serialize};

/// Anything the gateway serves from. A resource replaces the one with the same [`Key`] whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Resource {
    /// Gateway-wide settings.
    Settings(Box<Settings>),
    /// A host.
    VirtualHost(VirtualHost),
    /// A path of an Ingress.
    Route(Route),
    /// A Service port.
    Upstream(Upstream),
    /// The addresses of a Service port.
    Endpoints(Endpoints),
    /// A TLS Secret.
    Certificate(Certificate),
    /// A Secret with authorities for client certificates.
    Authority(Authority),
    /// A Secret of `proxy-ssl-secret`.
    ProxySslSecret(ProxySslSecret),
    /// The users of a Secret.
    Users(Users),
}

/// The identity of a [`Resource`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Key {
    /// There is one.
    Settings,
    /// By host.
    VirtualHost(Host),
    /// By host and path condition.
    Route(RouteKey),
    /// By Service port.
    Upstream(UpstreamId),
    /// By Service port.
    Endpoints(UpstreamId),
    /// By Secret.
    Certificate(NamespacedName),
    /// By Secret.
    Authority(NamespacedName),
    /// By Secret.
    ProxySslSecret(NamespacedName),
    /// By Secret and how it is read.
    Users(UsersId),
}

impl Resource {
    /// What this resource is replaced or removed by.
    pub fn key(&self) -> Key {
        match self {
            Self::Settings(_) => Key::Settings,
            Self::VirtualHost(host) => Key::VirtualHost(host.host.clone()),
            Self::Route(route) => Key::Route(route.key.clone()),
            Self::Upstream(upstream) => Key::Upstream(upstream.id.clone()),
            Self::Endpoints(endpoints) => Key::Endpoints(endpoints.upstream.clone()),
            Self::Certificate(certificate) => Key::Certificate(certificate.secret.clone()),
            Self::Authority(authority) => Key::Authority(authority.secret.clone()),
            Self::ProxySslSecret(secret) => Key::ProxySslSecret(secret.secret.clone()),
            Self::Users(users) => Key::Users(users.id().clone()),
        }
    }
}
