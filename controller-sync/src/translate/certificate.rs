//! What a TLS Secret holds: parsed and checked once for each version of the Secret.

use crate::object::Secret;
use ingora_config::{Certificate, Host, PrivateKey, Resource};
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509Ref};
use std::collections::HashSet;
use std::sync::Arc;

/// A Secret, as far as TLS is concerned.
pub(super) enum State {
    /// It does not exist.
    Missing,
    /// It cannot be used, and why; never quotes its content.
    Invalid(&'static str),
    /// It can be served.
    Usable(Box<Usable>),
}

/// A certificate with its key.
pub(super) struct Usable {
    pub(super) resource: Arc<Resource>,
    pub(super) names: Names,
    /// The first and the last second of its validity, since 1970.
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

/// The names a certificate is for.
#[derive(Default)]
pub(super) struct Names {
    pub(super) exact: HashSet<String>,
    /// `example.com` for `*.example.com`.
    pub(super) wildcards: HashSet<String>,
}

impl Names {
    /// Whether the certificate is good for every request to the host (RFC 9525, section 6.3: a wildcard stands for
    /// exactly one label).
    pub(super) fn cover(&self, host: &Host) -> bool {
        match host {
            Host::Exact(name) => {
                self.exact.contains(name.as_str())
                    || parent(name.as_str()).is_some_and(|parent| self.wildcards.contains(parent))
            }
            // More labels than one are covered by no certificate; the first is all that a handshake is answered for.
            Host::Wildcard(parent) | Host::Subdomains(parent) => self.wildcards.contains(parent.as_str()),
            Host::Pattern(_) | Host::CatchAll => false,
        }
    }

    fn add(&mut self, name: &str) {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        match name.strip_prefix("*.") {
            Some(parent) => self.wildcards.insert(parent.to_owned()),
            None => self.exact.insert(name),
        };
    }
}

/// The name without its first label.
pub(super) fn parent(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, parent)| parent)
}

/// Reads a Secret.
pub(super) fn read(secret: &Secret) -> State {
    match usable(secret) {
        Ok(usable) => State::Usable(Box::new(usable)),
        Err(why) => State::Invalid(why),
    }
}

fn usable(secret: &Secret) -> Result<Usable, &'static str> {
    let chain = secret.certificate.as_deref().filter(|pem| !pem.is_empty()).ok_or("it has no tls.crt")?;
    let key = secret.key.as_ref().filter(|key| !key.expose_pem().is_empty()).ok_or("it has no tls.key")?;
    let chain = X509::stack_from_pem(chain).map_err(|_| "tls.crt is not a PEM certificate chain")?;
    let leaf = chain.first().ok_or("tls.crt has no PEM certificate")?;
    // The callback keeps OpenSSL from asking for a pass phrase on the terminal.
    let key = PKey::private_key_from_pem_callback(key.expose_pem(), |_| Err(ErrorStack::get()))
        .map_err(|_| "tls.key is not a PEM private key without a pass phrase")?;
    let public = leaf.public_key().map_err(|_| "the certificate has a public key that cannot be read")?;
    if !key.public_eq(&public) {
        return Err("tls.key is not the key of the first certificate in tls.crt");
    }
    let (not_before, not_after) = validity(leaf).ok_or("the certificate has no readable validity")?;
    let resource = resource(secret, &chain, &key).map_err(|_| "its certificate or key cannot be written")?;
    Ok(Usable { resource: Arc::new(resource), names: names(leaf), not_before, not_after })
}

/// Certificate and key are written anew, so that the gateway reads exactly what was checked here and nothing that stood
/// beside it.
fn resource(secret: &Secret, chain: &[X509], key: &PKey<Private>) -> Result<Resource, ErrorStack> {
    let mut pem = Vec::new();
    for certificate in chain {
        pem.extend(certificate.to_pem()?);
    }
    Ok(Resource::Certificate(Certificate {
        secret: secret.metadata.id(),
        chain: String::from_utf8_lossy(&pem).into_owned(),
        key: PrivateKey::from_pem(key.private_key_to_pem_pkcs8()?),
    }))
}

/// Subject alternative names, and the common name as ingress-nginx still takes it.
fn names(leaf: &X509Ref) -> Names {
    let mut names = Names::default();
    for name in leaf.subject_alt_names().iter().flatten() {
        if let Some(name) = name.dnsname() {
            names.add(name);
        }
    }
    for entry in leaf.subject_name().entries_by_nid(Nid::COMMONNAME) {
        if let Ok(name) = entry.data().to_string() {
            names.add(&name);
        }
    }
    names
}

fn validity(leaf: &X509Ref) -> Option<(i64, i64)> {
    let epoch = Asn1Time::from_unix(0).ok()?;
    let seconds = |time: &Asn1TimeRef| -> Option<i64> {
        let since = epoch.diff(time).ok()?;
        Some(i64::from(since.days) * 86_400 + i64::from(since.secs))
    };
    Some((seconds(leaf.not_before())?, seconds(leaf.not_after())?))
}
