//! All certificates, as the writer of the table keeps them.
//!
//! A slot is there while a host, the default or a Secret names it, in whatever order they come. Neither PEM nor keys
//! are kept: a digest is enough to see that a Secret did not change.

use super::{CertificateError, Certificates, LoadedCertificate, Slot};
use arc_swap::ArcSwapOption;
use ingora_config::{Certificate, Host, NamespacedName};
use openssl::sha::Sha256;
use std::collections::HashMap;
use std::sync::Arc;

/// The slots by Secret, and the index of the next generation.
#[derive(Debug)]
pub struct Store {
    slots: HashMap<NamespacedName, Held>,
    index: Certificates,
    changed: bool,
}

#[derive(Debug)]
struct Held {
    slot: Arc<Slot>,
    digest: Option<[u8; 32]>,
    /// Hosts and the default that name it.
    users: usize,
}

impl Store {
    /// Nothing but the gateway's own certificate.
    pub fn new(own: Arc<LoadedCertificate>) -> Self {
        Self { slots: HashMap::new(), index: Certificates::new(own), changed: false }
    }

    /// What to publish; `None` when no host changed since the last time.
    pub fn publish(&mut self) -> Option<Certificates> {
        std::mem::take(&mut self.changed).then(|| self.index.clone())
    }

    /// Loads a Secret. One that cannot be used takes the place of the one before all the same: whoever replaced a
    /// certificate does not expect the old one.
    ///
    /// # Errors
    /// When it cannot be used; its hosts get the default certificate.
    pub fn set(&mut self, certificate: &Certificate) -> Result<(), CertificateError> {
        let digest = digest(certificate);
        let held = self.held(&certificate.secret);
        if held.digest == Some(digest) && held.slot.loaded.load().is_some() {
            return Ok(());
        }
        let loaded = LoadedCertificate::load(certificate);
        held.digest = Some(digest);
        match loaded {
            Ok(loaded) => {
                held.slot.loaded.store(Some(Arc::new(loaded)));
                Ok(())
            }
            Err(error) => {
                held.slot.loaded.store(None);
                Err(error)
            }
        }
    }

    /// The Secret is gone.
    pub fn remove(&mut self, secret: &NamespacedName) {
        if let Some(held) = self.slots.get_mut(secret) {
            held.digest = None;
            held.slot.loaded.store(None);
            self.forget_unused(secret);
        }
    }

    /// The Secrets that are known.
    pub fn keys(&self) -> impl Iterator<Item = &NamespacedName> {
        self.slots.iter().filter(|(_, held)| held.digest.is_some()).map(|(secret, _)| secret)
    }

    /// Every slot.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.slots.values().map(|held| &held.slot)
    }

    /// Says which Secret's certificate answers for a host.
    pub fn set_host(&mut self, host: &Host, secret: Option<&NamespacedName>) {
        if matches!(host, Host::Pattern(_)) {
            return;
        }
        let before = self.index.of_host(host).map(|slot| slot.secret.clone());
        if before.as_ref() == secret {
            return;
        }
        let slot = secret.map(|secret| self.acquire(secret));
        self.index.set_host(host, slot);
        self.changed = true;
        self.release(before);
    }

    /// Says which Secret's certificate is the default.
    pub fn set_default(&mut self, secret: Option<&NamespacedName>) {
        let before = self.index.default.as_ref().map(|slot| slot.secret.clone());
        if before.as_ref() == secret {
            return;
        }
        self.index.default = secret.map(|secret| self.acquire(secret));
        self.changed = true;
        self.release(before);
    }

    fn acquire(&mut self, secret: &NamespacedName) -> Arc<Slot> {
        let held = self.held(secret);
        held.users += 1;
        Arc::clone(&held.slot)
    }

    fn release(&mut self, secret: Option<NamespacedName>) {
        let Some(secret) = secret else { return };
        if let Some(held) = self.slots.get_mut(&secret) {
            held.users -= 1;
        }
        self.forget_unused(&secret);
    }

    fn forget_unused(&mut self, secret: &NamespacedName) {
        if self.slots.get(secret).is_some_and(|held| held.users == 0 && held.digest.is_none()) {
            self.slots.remove(secret);
        }
    }

    fn held(&mut self, secret: &NamespacedName) -> &mut Held {
        self.slots.entry(secret.clone()).or_insert_with(|| Held {
            slot: Arc::new(Slot { secret: secret.clone(), loaded: ArcSwapOption::empty() }),
            digest: None,
            users: 0,
        })
    }
}

fn digest(certificate: &Certificate) -> [u8; 32] {
    let mut sha = Sha256::new();
    // The length keeps a byte from moving from one to the other unseen.
    sha.update(&certificate.chain.len().to_be_bytes());
    sha.update(certificate.chain.as_bytes());
    sha.update(certificate.key.expose_pem());
    sha.finish()
}
