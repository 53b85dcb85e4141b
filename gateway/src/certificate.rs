//! Certificates by server name.
//!
//! ```text
//!   SNI ──▶ exact name ─▶ *.parent (one label) ─▶ default
//!                └──────────────┴──▶ Slot of a Secret ──ArcSwap──▶ LoadedCertificate
//! ```
//!
//! A renewed Secret changes one slot, however many hosts use it. The default is the Secret of
//! `--default-ssl-certificate`, else the one the gateway made itself ([`own`]).

pub mod load;
pub mod own;
pub mod store;

#[cfg(test)]
mod tests;

pub use load::{CertificateError, LoadedCertificate};
pub use store::Store;

use crate::table::key::Key;
use crate::table::map::{Keyed, Map};
use ahash::RandomState;
use arc_swap::ArcSwapOption;
use ingora_config::{Host, NamespacedName};
use std::sync::Arc;

/// The longest name that is looked up, in bytes (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 255;

/// One generation of the hosts that have a certificate. Cloning it costs a few reference counts.
#[derive(Clone, Debug)]
pub struct Certificates {
    state: RandomState,
    exact: Map<Named>,
    wildcard: Map<Named>,
    /// Aliases of several labels; a certificate covers one of them, so that is all they are asked for.
    subdomains: Map<Named>,
    catch_all: Option<Arc<Slot>>,
    default: Option<Arc<Slot>>,
    own: Arc<LoadedCertificate>,
}

/// A host name and the Secret that answers for it.
#[derive(Debug)]
struct Named {
    key: Key,
    slot: Arc<Slot>,
}

impl Keyed for Named {
    fn key(&self) -> &[u8] {
        self.key.bytes()
    }
}

/// The place of one Secret's certificate.
#[derive(Debug)]
pub struct Slot {
    secret: NamespacedName,
    loaded: ArcSwapOption<LoadedCertificate>,
}

impl Slot {
    /// The Secret.
    pub fn secret(&self) -> &NamespacedName {
        &self.secret
    }

    /// Its certificate; `None` when the Secret is missing or unusable.
    pub fn loaded(&self) -> Option<Arc<LoadedCertificate>> {
        self.loaded.load_full()
    }
}

impl Certificates {
    /// No host has a certificate; `own` answers for all.
    pub fn new(own: Arc<LoadedCertificate>) -> Self {
        Self {
            state: RandomState::new(),
            exact: Map::default(),
            wildcard: Map::default(),
            subdomains: Map::default(),
            catch_all: None,
            default: None,
            own,
        }
    }

    /// The certificate for a handshake. A host whose Secret is missing or unusable gets the default certificate, not
    /// that of a wildcard.
    pub fn find(&self, server_name: Option<&str>) -> Arc<LoadedCertificate> {
        let slot = server_name.and_then(|name| self.slot(name));
        slot.and_then(|slot| slot.loaded()).unwrap_or_else(|| self.default())
    }

    /// The certificate for everybody else.
    pub fn default(&self) -> Arc<LoadedCertificate> {
        self.default.as_ref().and_then(|slot| slot.loaded()).unwrap_or_else(|| Arc::clone(&self.own))
    }

    fn slot(&self, name: &str) -> Option<&Arc<Slot>> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let mut buffer = [0; MAX_NAME];
        let lower = buffer.get_mut(..name.len())?;
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        let name = std::str::from_utf8(lower).ok()?;
        let exact = self.exact.get(self.state.hash_one(name), name);
        let wildcard = || match name.split_once('.') {
            Some((label, parent)) if !label.is_empty() => {
                let hash = self.state.hash_one(parent);
                self.wildcard.get(hash, parent).or_else(|| self.subdomains.get(hash, parent))
            }
            _ => None,
        };
        exact.or_else(wildcard).map(|named| &named.slot)
    }

    /// The slot of exactly this host.
    fn of_host(&self, host: &Host) -> Option<&Arc<Slot>> {
        let (map, name) = match host {
            Host::Exact(name) => (&self.exact, name.as_str()),
            Host::Wildcard(name) => (&self.wildcard, name.as_str()),
            Host::Subdomains(name) => (&self.subdomains, name.as_str()),
            // No certificate covers a pattern.
            Host::Pattern(_) => return None,
            // Handshakes have no name to find it by; it is kept for the bookkeeping of the store alone.
            Host::CatchAll => return self.catch_all.as_ref(),
        };
        map.get(self.state.hash_one(name), name).map(|named| &named.slot)
    }

    fn set_host(&mut self, host: &Host, slot: Option<Arc<Slot>>) {
        let (map, name) = match host {
            Host::Exact(name) => (&mut self.exact, name.as_str()),
            Host::Wildcard(name) => (&mut self.wildcard, name.as_str()),
            Host::Subdomains(name) => (&mut self.subdomains, name.as_str()),
            Host::Pattern(_) => return,
            Host::CatchAll => return self.catch_all = slot,
        };
        let hash = self.state.hash_one(name);
        match slot {
            Some(slot) => map.insert(hash, Arc::new(Named { key: Key::new(name), slot })),
            None => {
                map.remove(hash, name);
            }
        }
    }
}
