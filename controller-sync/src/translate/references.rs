//! What annotations name: Secrets and ConfigMaps, and the resources that are made of them.
//!
//! ```text
//!   annotation ──Reader::secret, Reader::config_map──▶ References of its Ingress ──▶ Referenced: who is read anew when the object changes
//!              ──Reader::attach──────────────────────▶ a resource of its own, sent once, however many routes name it
//! ```
//!
//! The certificates of `spec.tls` have a lane of their own, see [`super::secrets`].

use super::compile::Compiled;
use super::published::Published;
use crate::object::{Kind, ObjectKey};
use crate::store::{Dirty, Store};
use ingora_config::{Key, NamespacedName, Resource};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What one Ingress names in its annotations.
#[derive(Debug, Default)]
pub(super) struct References {
    /// The objects, whether they exist or not.
    pub(super) objects: BTreeSet<ObjectKey>,
    /// The resources made of them. Two Ingresses that name the same object make the same resource of it: what one of them
    /// wants besides belongs into its policy.
    pub(super) attached: BTreeMap<Key, Arc<Resource>>,
}

/// What all Ingresses name.
#[derive(Default)]
pub(super) struct Referenced {
    referrers: HashMap<ObjectKey, BTreeSet<NamespacedName>>,
    /// How many Ingresses attach a resource.
    attached: HashMap<Key, usize>,
    /// Resources of which the last Ingress may be gone.
    loose: BTreeSet<Key>,
    /// Objects that may have to be asked for, or no longer.
    touched: BTreeSet<ObjectKey>,
    /// Objects that a source brings only when it is asked to, and whether they are others than before.
    wanted: BTreeSet<ObjectKey>,
    wants_others: bool,
}

impl Referenced {
    pub(super) fn add(&mut self, ingress: &Compiled, published: &mut Published) {
        for key in &ingress.references.objects {
            self.referrers.entry(key.clone()).or_default().insert(ingress.id().clone());
            self.touched.insert(key.clone());
        }
        for (key, resource) in &ingress.references.attached {
            *self.attached.entry(key.clone()).or_default() += 1;
            published.set(Arc::clone(resource));
        }
    }

    pub(super) fn remove(&mut self, ingress: &Compiled) {
        for key in &ingress.references.objects {
            if let Some(referrers) = self.referrers.get_mut(key) {
                referrers.remove(ingress.id());
            }
            self.touched.insert(key.clone());
        }
        for key in ingress.references.attached.keys() {
            if let Some(count) = self.attached.get_mut(key) {
                *count -= 1;
            }
            self.loose.insert(key.clone());
        }
    }

    /// The Ingresses that name an object that changed.
    pub(super) fn affected(&mut self, dirty: &Dirty) -> BTreeSet<NamespacedName> {
        let secrets = dirty.secrets.iter().map(|id| ObjectKey::new(Kind::Secret, id.clone()));
        let config_maps = dirty.config_maps.iter().map(|id| ObjectKey::new(Kind::ConfigMap, id.clone()));
        let mut affected = BTreeSet::new();
        for key in secrets.chain(config_maps) {
            if let Some(referrers) = self.referrers.get(&key) {
                affected.extend(referrers.iter().cloned());
                self.touched.insert(key);
            }
        }
        affected
    }

    /// Takes back what nobody attaches any more, and works out what has to be asked for.
    pub(super) fn settle(&mut self, store: &Store, published: &mut Published) {
        for key in std::mem::take(&mut self.loose) {
            if self.attached.get(&key) == Some(&0) {
                self.attached.remove(&key);
                published.remove(key);
            }
        }
        for key in std::mem::take(&mut self.touched) {
            if self.referrers.get(&key).is_some_and(BTreeSet::is_empty) {
                self.referrers.remove(&key);
            }
            // TLS Secrets come unasked.
            let unasked =
                key.kind == Kind::Secret && store.secret(&key.id).is_some_and(|secret| secret.is_tls);
            self.wants_others |= match self.referrers.contains_key(&key) && !unasked {
                true => self.wanted.insert(key),
                false => self.wanted.remove(&key),
            };
        }
    }

    /// The objects that are named and are not among those that every source brings, and whether they are others than at
    /// the last call.
    pub(super) fn take_wanted(&mut self) -> (&BTreeSet<ObjectKey>, bool) {
        (&self.wanted, std::mem::take(&mut self.wants_others))
    }
}
