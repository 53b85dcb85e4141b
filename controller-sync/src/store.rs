//! The store: every object that may matter, and what changed since the last translation.
//!
//! ```text
//!   source ──insert, remove──▶ Store ──dirty──▶ translate
//!   DNS task ◀─names_to_resolve─┘ ▲
//!      └──────────resolved────────┘
//! ```
//!
//! The store decides nothing but whose an Ingress is (`store/class.rs`). It knows no order: its content after any
//! sequence of inserts and removals is that of the last insert of each object.

use crate::object::{
    ConfigMap, EndpointSlice, Ingress, IngressClass, Kind, Object, ObjectKey, Secret, Service,
};
use class::Classes;
pub(crate) use dirty::Dirty;
use held::Held;
use ingora_config::{NamespacedName, SourceLocation};
use names::Names;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

mod class;
mod dirty;
mod held;
mod names;
mod options;

pub use class::Standing;
pub use names::Resolution;
pub use options::Options;

/// All objects of one gateway, indexed for what translation asks.
pub struct Store {
    options: Options,
    ingresses: Held<Ingress>,
    services: Held<Service>,
    slices: Held<EndpointSlice>,
    secrets: Held<Secret>,
    config_maps: Held<ConfigMap>,
    classes: Classes,
    slices_of_service: HashMap<NamespacedName, BTreeSet<NamespacedName>>,
    names: Names,
    dirty: Dirty,
}

impl Store {
    /// An empty store.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            ingresses: Held::default(),
            services: Held::default(),
            slices: Held::default(),
            secrets: Held::default(),
            config_maps: Held::default(),
            classes: Classes::default(),
            slices_of_service: HashMap::new(),
            names: Names::default(),
            dirty: Dirty::default(),
        }
    }

    /// What the store was made with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Adds an object or replaces the one with the same key. Whatever cannot matter under these options, an Ingress
    /// of another class above all, is dropped at the door.
    pub fn insert(&mut self, object: Object, location: Option<SourceLocation>) {
        let key = object.key();
        if !self.watches(&key) {
            return;
        }
        match object {
            Object::Ingress(ingress) => self.insert_ingress(key.id, *ingress, location),
            Object::IngressClass(class) => self.change_class(key.id, Some(*class)),
            Object::Service(service) => {
                if self.services.insert(key.id.clone(), *service, location) {
                    self.dirty.services.insert(key.id);
                }
            }
            Object::EndpointSlice(slice) => self.insert_slice(key.id, *slice, location),
            Object::Secret(secret) => {
                // No problem names the place of a Secret, so that one that only moved is not read again.
                if self.secrets.insert(key.id.clone(), *secret, None) {
                    self.dirty.secrets.insert(key.id);
                }
            }
            Object::ConfigMap(map) => {
                if self.config_maps.insert(key.id.clone(), *map, location) {
                    self.dirty.config_maps.insert(key.id);
                }
            }
        }
    }

    /// Forgets an object; one that is not there is no error.
    pub fn remove(&mut self, key: &ObjectKey) {
        match key.kind {
            Kind::Ingress => self.remove_ingress(&key.id),
            Kind::IngressClass => self.change_class(key.id.clone(), None),
            Kind::Service => {
                if self.services.remove(&key.id).is_some() {
                    self.dirty.services.insert(key.id.clone());
                }
            }
            Kind::EndpointSlice => {
                if let Some(slice) = self.slices.remove(&key.id) {
                    self.unlink_slice(&key.id, &slice);
                }
            }
            Kind::Secret => {
                if self.secrets.remove(&key.id).is_some() {
                    self.dirty.secrets.insert(key.id.clone());
                }
            }
            Kind::ConfigMap => {
                if self.config_maps.remove(&key.id).is_some() {
                    self.dirty.config_maps.insert(key.id.clone());
                }
            }
        }
    }

    /// How many objects of each kind are held.
    pub fn counts(&self) -> BTreeMap<Kind, usize> {
        BTreeMap::from([
            (Kind::Ingress, self.ingresses.len()),
            (Kind::IngressClass, self.classes.len()),
            (Kind::Service, self.services.len()),
            (Kind::EndpointSlice, self.slices.len()),
            (Kind::Secret, self.secrets.len()),
            (Kind::ConfigMap, self.config_maps.len()),
        ])
    }

    /// The DNS names of ExternalName Services that some route uses, as of the last translation.
    pub fn names_to_resolve(&self) -> BTreeSet<String> {
        self.names.wanted()
    }

    /// Takes a DNS answer: addresses, or why there are none. After a failure the last good addresses stay. An answer
    /// for a name that nobody uses any more is dropped.
    pub fn resolved(&mut self, name: &str, answer: Result<Vec<IpAddr>, String>) {
        let services = self.names.resolved(name, answer);
        self.dirty.endpoints.extend(services);
    }

    /// Whether anything that is translated changed since the last translation; a status is not.
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    fn watches(&self, key: &ObjectKey) -> bool {
        let Some(watched) = &self.options.watch_namespace else { return true };
        let options = &self.options;
        let names = [&options.default_backend_service, &options.default_ssl_certificate, &options.configmap];
        !key.kind.namespaced()
            || *watched == key.id.namespace
            || key.kind != Kind::Ingress
                && names.into_iter().flatten().any(|id| id.namespace == key.id.namespace)
    }

    fn insert_ingress(&mut self, id: NamespacedName, ingress: Ingress, location: Option<SourceLocation>) {
        if class::can_never_be_ours(&ingress, &self.options) {
            if self.ingresses.get(&id).is_some() {
                self.remove_ingress(&id);
                self.dirty.turned_away.insert(id, ingress);
            }
            return;
        }
        self.dirty.turned_away.remove(&id);
        if let Some(old) = self.ingresses.get_mut(&id) {
            self.classes.unlink(&id, &old.object);
            // Our own writes of the status come back this way; they must cost no translation.
            let version = &ingress.metadata.resource_version;
            if old.object.status != ingress.status || old.object.metadata.resource_version.0 != version.0 {
                old.object.status.clone_from(&ingress.status);
                old.object.metadata.resource_version.clone_from(version);
                self.dirty.statuses.insert(id.clone());
            }
        }
        self.classes.link(&id, &ingress);
        if self.ingresses.insert(id.clone(), ingress, location) {
            self.dirty.ingresses.insert(id);
        }
    }

    fn remove_ingress(&mut self, id: &NamespacedName) {
        self.dirty.turned_away.remove(id);
        if let Some(old) = self.ingresses.remove(id) {
            self.classes.unlink(id, &old);
            self.dirty.ingresses.insert(id.clone());
        }
    }

    fn change_class(&mut self, id: NamespacedName, class: Option<IngressClass>) {
        let affected = self.classes.change(id.name, class, &self.options);
        self.dirty.ingresses.extend(affected);
    }

    fn insert_slice(&mut self, id: NamespacedName, slice: EndpointSlice, location: Option<SourceLocation>) {
        if self.slices.get(&id).is_some_and(|old| old.object == slice) {
            return;
        }
        if let Some(old) = self.slices.remove(&id) {
            self.unlink_slice(&id, &old);
        }
        // A slice without the label belongs to nobody.
        let Some(service) = slice.service() else { return };
        self.slices_of_service.entry(service.clone()).or_default().insert(id.clone());
        self.slices.insert(id, slice, location);
        self.dirty.endpoints.insert(service);
    }

    fn unlink_slice(&mut self, id: &NamespacedName, slice: &EndpointSlice) {
        let Some(service) = slice.service() else { return };
        if let Some(slices) = self.slices_of_service.get_mut(&service) {
            slices.remove(id);
            if slices.is_empty() {
                self.slices_of_service.remove(&service);
            }
        }
        self.dirty.endpoints.insert(service);
    }
}

/// What translation asks.
impl Store {
    pub(crate) fn take_dirty(&mut self) -> Dirty {
        std::mem::take(&mut self.dirty)
    }

    pub(crate) fn ingress(&self, id: &NamespacedName) -> Option<(&Ingress, Option<&SourceLocation>)> {
        self.ingresses.get(id).map(|held| (&held.object, held.location.as_ref()))
    }

    pub(crate) fn ingress_ids(&self) -> impl Iterator<Item = &NamespacedName> {
        self.ingresses.ids()
    }

    pub(crate) fn standing(&self, ingress: &Ingress) -> Standing {
        self.classes.standing(ingress, &self.options)
    }

    pub(crate) fn service(&self, id: &NamespacedName) -> Option<(&Service, Option<&SourceLocation>)> {
        self.services.get(id).map(|held| (&held.object, held.location.as_ref()))
    }

    pub(crate) fn secret(&self, id: &NamespacedName) -> Option<&Secret> {
        self.secrets.get(id).map(|held| &held.object)
    }

    pub(crate) fn config_map(&self, id: &NamespacedName) -> Option<(&ConfigMap, Option<&SourceLocation>)> {
        self.config_maps.get(id).map(|held| (&held.object, held.location.as_ref()))
    }

    pub(crate) fn slices(&self, service: &NamespacedName) -> impl Iterator<Item = &EndpointSlice> {
        let ids = self.slices_of_service.get(service).into_iter().flatten();
        ids.filter_map(|id| self.slices.get(id).map(|held| &held.object))
    }

    /// Says which DNS name a Service that is in use points to; `None` when it points to none or is not in use.
    pub(crate) fn use_name(&mut self, service: &NamespacedName, name: Option<&str>) {
        self.names.set(service, name);
    }

    /// Forgets the DNS names that no Service uses any more: the end of a translation.
    pub(crate) fn prune_names(&mut self) {
        self.names.prune();
    }

    pub(crate) fn resolution(&self, name: &str) -> Option<&Resolution> {
        self.names.get(name)
    }
}

#[cfg(test)]
mod tests;
