//! The Secrets of `proxy-ssl-secret`, as the writer of the table keeps them. A changed Secret changes one slot, however
//! many routes use it.

use crate::certificate::{CertificateError, LoadedCertificate};
use arc_swap::ArcSwapOption;
use ingora_config::policy::ProxySslSecret;
use ingora_config::{Certificate, NamespacedName};
use openssl::sha::Sha256;
use openssl::x509::X509;
use pingora::utils::tls::CertKey;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A Secret, ready for handshakes.
pub struct Loaded {
    /// What the gateway shows when it is asked for a certificate.
    pub certificate: Option<Arc<CertKey>>,
    /// Who may sign the certificates of endpoints.
    pub authorities: Vec<X509>,
    /// Of the whole Secret.
    pub digest: [u8; 32],
}

/// A Secret cannot be used. Its content is never part of the text.
#[derive(Debug, thiserror::Error)]
pub enum BadSecret {
    /// Certificate or key.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Not a list of certificates.
    #[error("ca.crt cannot be read")]
    Authorities,
}

/// The place of one Secret.
#[derive(Default)]
pub(super) struct Slot(ArcSwapOption<Loaded>);

impl Slot {
    /// `None` when the Secret is missing or unusable.
    pub(super) fn loaded(&self) -> Option<Arc<Loaded>> {
        self.0.load_full()
    }
}

/// The slots by Secret.
#[derive(Default)]
pub struct Secrets(HashMap<NamespacedName, Held>);

#[derive(Default)]
struct Held {
    slot: Arc<Slot>,
    /// Of what the slot was filled with, or of what could not be used; `None` when there is no such Secret.
    digest: Option<[u8; 32]>,
}

impl Secrets {
    /// Loads a Secret. One that cannot be used takes the place of the one before all the same: what its routes must check
    /// is not known any more.
    ///
    /// # Errors
    /// When it cannot be used; its routes answer 503.
    pub fn set(&mut self, secret: &ProxySslSecret) -> Result<(), BadSecret> {
        let digest = digest(secret);
        let held = self.0.entry(secret.secret.clone()).or_default();
        if held.digest.replace(digest) == Some(digest) && held.slot.0.load().is_some() {
            return Ok(());
        }
        let loaded = load(secret, digest);
        let (loaded, result) = match loaded {
            Ok(loaded) => (Some(Arc::new(loaded)), Ok(())),
            Err(error) => (None, Err(error)),
        };
        held.slot.0.store(loaded);
        result
    }

    /// The Secret is gone.
    pub fn remove(&mut self, secret: &NamespacedName) {
        if let Some(held) = self.0.get_mut(secret) {
            held.digest = None;
            held.slot.0.store(None);
        }
        // Routes that wait for a Secret keep its slot.
        self.0.retain(|_, held| held.digest.is_some() || Arc::strong_count(&held.slot) > 1);
    }

    /// The Secrets that are known.
    pub fn keys(&self) -> impl Iterator<Item = &NamespacedName> {
        self.0.iter().filter(|(_, held)| held.digest.is_some()).map(|(secret, _)| secret)
    }

    /// The slot for a route, whether the Secret is there or not.
    pub(super) fn acquire(&mut self, secret: &NamespacedName) -> Arc<Slot> {
        Arc::clone(&self.0.entry(secret.clone()).or_default().slot)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn load(secret: &ProxySslSecret, digest: [u8; 32]) -> Result<Loaded, BadSecret> {
    let authorities =
        X509::stack_from_pem(secret.authorities.as_bytes()).map_err(|_| BadSecret::Authorities)?;
    let certificate = match &secret.certificate {
        Some(pair) => {
            let (chain, key) = (pair.chain.clone(), pair.key.clone());
            let pair = LoadedCertificate::load(&Certificate { secret: secret.secret.clone(), chain, key })?;
            let chain = std::iter::once(pair.leaf).chain(pair.chain).collect();
            Some(Arc::new(CertKey::new(chain, pair.key)))
        }
        None => None,
    };
    Ok(Loaded { certificate, authorities, digest })
}

fn digest(secret: &ProxySslSecret) -> [u8; 32] {
    let mut sha = Sha256::new();
    let chain = secret.certificate.as_ref().map_or("", |pair| &pair.chain);
    let key = secret.certificate.as_ref().map_or(&[][..], |pair| pair.key.expose_pem());
    for part in [secret.authorities.as_bytes(), chain.as_bytes(), key] {
        // The length keeps a byte from moving from one to the other unseen.
        sha.update(&part.len().to_be_bytes());
        sha.update(part);
    }
    sha.finish()
}
