//! What changed since the last translation, by name. Sorted, so that translation walks it in one order.

use crate::object::Ingress;
use ingora_config::NamespacedName;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub(crate) struct Dirty {
    /// Ingresses that came, went, changed, or changed hands.
    pub(crate) ingresses: BTreeSet<NamespacedName>,
    /// Services that came, went or changed.
    pub(crate) services: BTreeSet<NamespacedName>,
    /// Services whose addresses changed: EndpointSlices or a DNS answer.
    pub(crate) endpoints: BTreeSet<NamespacedName>,
    /// Secrets that came, went or changed.
    pub(crate) secrets: BTreeSet<NamespacedName>,
    /// Ingresses of which only the status or the version changed: nothing to translate, and news for whoever writes the
    /// status.
    pub(crate) statuses: BTreeSet<NamespacedName>,
    /// Ingresses that turned to another class and are held no more, as they are now.
    pub(crate) turned_away: BTreeMap<NamespacedName, Ingress>,
    /// ConfigMaps that came, went or changed.
    pub(crate) config_maps: BTreeSet<NamespacedName>,
}

impl Dirty {
    /// Whether there is nothing to translate.
    pub(crate) fn is_empty(&self) -> bool {
        let sets = [&self.ingresses, &self.services, &self.endpoints, &self.secrets, &self.config_maps];
        sets.into_iter().all(BTreeSet::is_empty)
    }
}
