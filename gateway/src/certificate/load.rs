//! From PEM to what a handshake needs.

use ingora_config::Certificate;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslContext, SslMethod};
use openssl::x509::X509;
use std::fmt;

/// A chain longer than this is a mistake; clients refuse it as well.
const MAX_CHAIN: usize = 16;

/// A certificate that was checked and can be used in a handshake.
pub struct LoadedCertificate {
    /// The certificate of the host.
    pub leaf: X509,
    /// Its intermediates, in order.
    pub chain: Vec<X509>,
    /// The key of the leaf.
    pub key: PKey<Private>,
}

/// A Secret cannot be used. The key is never part of the text.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Not a list of PEM certificates.
    #[error("tls.crt cannot be read: {}", first(.0))]
    Certificate(ErrorStack),
    /// No certificate at all, or too many.
    #[error("tls.crt has {0} certificates, expected 1 to {MAX_CHAIN}")]
    Count(usize),
    /// Not a PEM key, or an encrypted one.
    #[error("tls.key cannot be read: {}", first(.0))]
    Key(ErrorStack),
    /// The key belongs to another certificate.
    #[error("tls.key does not belong to the first certificate of tls.crt")]
    Mismatch,
    /// Too weak or of a kind that the TLS library does not serve.
    #[error("the TLS library refuses the certificate: {}", first(.0))]
    Refused(ErrorStack),
    /// The gateway could not make its own certificate.
    #[error("cannot make a default certificate: {}", first(.0))]
    Own(ErrorStack),
}

/// The first error in words: the rest repeats it with file names and lines of the library.
fn first(stack: &ErrorStack) -> &str {
    stack.errors().first().and_then(|error| error.reason()).unwrap_or("no reason given")
}

impl LoadedCertificate {
    /// Reads and checks a Secret. Dates and names are not looked at: whose certificate serves a host was decided
    /// before, and ingress-nginx serves expired ones, too.
    ///
    /// # Errors
    /// When a handshake with it could not succeed.
    pub fn load(certificate: &Certificate) -> Result<Self, CertificateError> {
        let mut chain =
            X509::stack_from_pem(certificate.chain.as_bytes()).map_err(CertificateError::Certificate)?;
        if chain.is_empty() || chain.len() > MAX_CHAIN {
            return Err(CertificateError::Count(chain.len()));
        }
        let leaf = chain.remove(0);
        // An encrypted key must not make the library ask for a passphrase on the terminal.
        let key = PKey::private_key_from_pem_callback(certificate.key.expose_pem(), |_| Ok(0))
            .map_err(CertificateError::Key)?;
        let loaded = Self { leaf, chain, key };
        if !loaded.leaf.public_key().is_ok_and(|public| public.public_eq(&loaded.key)) {
            return Err(CertificateError::Mismatch);
        }
        loaded.try_out().map_err(CertificateError::Refused)?;
        Ok(loaded)
    }

    /// Sets it up as a handshake does, so that what the library refuses is known now and not at each handshake.
    fn try_out(&self) -> Result<(), ErrorStack> {
        let mut context = SslContext::builder(SslMethod::tls_server())?;
        context.set_certificate(&self.leaf)?;
        context.set_private_key(&self.key)?;
        context.check_private_key()?;
        self.chain.iter().try_for_each(|link| context.add_extra_chain_cert(link.clone()))
    }

    /// The subject as `CN=…, O=…`, as far as it is text.
    pub fn subject(&self) -> String {
        let mut text = String::new();
        for entry in self.leaf.subject_name().entries() {
            let name = entry.object().nid().short_name().unwrap_or("?");
            let value = entry.data().to_string().unwrap_or_default();
            text.push_str(if text.is_empty() { "" } else { ", " });
            text.push_str(&format!("{name}={value}"));
        }
        text
    }

    /// The DNS names and addresses it covers.
    pub fn names(&self) -> Vec<String> {
        let names = self.leaf.subject_alt_names();
        names
            .iter()
            .flatten()
            .filter_map(|name| name.dnsname().map(str::to_owned).or_else(|| address(name.ipaddress()?)))
            .collect()
    }

    /// The last day it is valid, as OpenSSL writes it.
    pub fn not_after(&self) -> String {
        self.leaf.not_after().to_string()
    }

    /// The kind of its key, such as `rsaEncryption` or `id-ecPublicKey`.
    pub fn key_type(&self) -> &'static str {
        Nid::from_raw(self.key.id().as_raw()).long_name().unwrap_or("unknown")
    }

    /// SHA-256 of the leaf, in hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let digest = self.leaf.digest(MessageDigest::sha256());
        digest.map(|digest| digest.iter().map(|byte| format!("{byte:02x}")).collect()).unwrap_or_default()
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(v4).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|v6| std::net::Ipv6Addr::from(v6).to_string())
}

impl fmt::Debug for LoadedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedCertificate").field("subject", &self.subject()).finish_non_exhaustive()
    }
}
