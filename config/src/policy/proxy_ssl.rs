//! `proxy-ssl-*`: who the gateway is to an endpoint that speaks TLS, and who the endpoint must be.

use crate::settings::TlsVersion;
use crate::{HostName, NamespacedName, PrivateKey};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// How endpoints that speak TLS are spoken to. Without one, their certificates are not looked at, as in ingress-nginx.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProxySsl {
    /// `proxy-ssl-secret`: the Secret of a [`ProxySslSecret`]. Nothing is sent before that is there.
    pub secret: NamespacedName,
    /// `proxy-ssl-verify`: whom the endpoint's certificate must be for; `None` is whoever it is.
    pub verify: Option<Verify>,
    /// `proxy-ssl-server-name`: the name sent as SNI; `None` sends none. An address is no server name (RFC 6066 section 3).
    pub server_name: Option<HostName>,
    /// `proxy-ssl-protocols`, the lowest of them; newer ones are as good.
    pub oldest: TlsVersion,
    /// `proxy-ssl-ciphers`: the cipher suites of TLS 1.2 (their IANA numbers) that may be used, sorted; `None` is any.
    pub ciphers: Option<Vec<u16>>,
}

/// What the certificate of an endpoint must be, besides signed by an authority of the Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Verify {
    /// `proxy-ssl-name`: for whom. There is no verification without a name.
    pub name: PeerName,
    /// `proxy-ssl-verify-depth`: the most certificates between it and the authority.
    pub depth: u8,
}

/// Whom a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PeerName {
    /// A host.
    Host(HostName),
    /// An address.
    Address(IpAddr),
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => name.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// A Secret that at least one `proxy-ssl-secret` names. It has a certificate with its key, or authorities, or both.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProxySslSecret {
    /// The Secret.
    pub secret: NamespacedName,
    /// What the gateway shows when an endpoint asks for a certificate.
    pub certificate: Option<ClientCertificate>,
    /// `ca.crt`: the authorities an endpoint's certificate may be signed by, PEM; may be empty.
    pub authorities: String,
}

/// A certificate that the gateway shows to endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClientCertificate {
    /// `tls.crt`: the certificate and its intermediates, leaf first, PEM.
    pub chain: String,
    /// `tls.key`: the private key of the leaf.
    pub key: PrivateKey,
}
