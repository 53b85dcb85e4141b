//! Translation: from the store to resources and problems.
//!
//! ```text
//!   Ingress ──compile──▶ Compiled ──┬─▶ slots ─────▶ Route            (oldest claim on host and path, its canaries)
//!   (annotations, tls, classes)     ├─▶ hosts ─────▶ VirtualHost      (who decides about the certificate)
//!                                   ├─▶ secrets ───▶ Certificate
//!                                   └─▶ upstreams ─▶ Upstream, Endpoints
//!   Secret ──certificate──▶ secrets ──▶ hosts
//!   ConfigMap, flags ──settings──▶ Settings; gates for compile
//!   Service ──service──▶ upstreams    EndpointSlice, DNS ──endpoints──▶ Endpoints alone
//! ```
//!
//! Each part keeps what it knows by identity and remembers what was touched; settling walks what was touched and nothing
//! else, so that an edit costs the same in a small cluster and in a large one. The state that results depends on the
//! store's content and on the time alone, never on the order in which objects arrived.

use crate::object::{Kind, ObjectKey};
use crate::store::{Dirty, Standing, Store};
use compile::{Compiled, compile};
use gates::Gates;
use hosts::Hosts;
use ingora_config::settings::GlobalAuth;
use ingora_config::{Key, NamespacedName, Problem, Resource, ServicePort, Settings, UpstreamId};
use problems::{Owner, Problems};
use published::Published;
use reference::Referrer;
use references::Referenced;
use secrets::Secrets;
use slots::Slots;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::SystemTime;
use upstreams::{Upstreams, Use};

pub mod annotations;
mod certificate;
mod classes;
mod compile;
mod endpoints;
mod external_auth;
mod gates;
mod hosts;
mod next_upstream;
mod pattern;
mod problems;
mod published;
mod quote;
mod rank;
mod reference;
mod references;
mod replacement;
mod secrets;
mod service;
mod settings;
mod sighting;
mod slots;
mod tls;
mod upstreams;
mod value;

pub use sighting::{Fate, Live, Sighting};

/// The tables of `docs/configmap.md`.
pub fn config_map_page() -> String {
    settings::page::text()
}

/// A difference to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The resource is new or replaces the one with the same key.
    Upsert(Arc<Resource>),
    /// The resource is gone.
    Remove(Key),
}

/// What one translation changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Differences of resources; they take effect together.
    pub changes: Vec<Change>,
    /// Problems that were not there before, sorted.
    pub new_problems: Vec<Problem>,
    /// Problems that are gone, sorted. One that only moved within its file is neither new nor solved.
    pub solved_problems: Vec<Problem>,
    /// Ingresses of an API server that changed in any way, their status included; each at most once.
    pub sightings: Vec<Sighting>,
}

/// The state of translation: one for each store, and for as long as the store.
#[derive(Default)]
pub struct Translator {
    started: bool,
    ingresses: HashMap<NamespacedName, Arc<Compiled>>,
    slots: Slots,
    hosts: Hosts,
    secrets: Secrets,
    upstreams: Upstreams,
    /// What annotations name.
    referenced: Referenced,
    published: Published,
    problems: Problems,
    gates: Gates,
    /// Who is asked about requests of every Ingress, and the ConfigMap that says so.
    global_auth: Option<(UpstreamId, NamespacedName)>,
    /// The ConfigMaps that the settings are made of, whether they exist or not.
    config_maps: BTreeSet<NamespacedName>,
    /// Whether they are others than [`Translator::take_references`] told last.
    config_maps_changed: bool,
}

impl Translator {
    /// A translator that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Translates what changed in the store since the last call. `now` only decides which certificates are expired: call
    /// it now and then although nothing changed, and that is noticed.
    pub fn translate(&mut self, store: &mut Store, now: SystemTime) -> Output {
        let mut dirty = store.take_dirty();
        if !self.started {
            self.start(store);
        }
        let mut stale = self.referenced.affected(&dirty);
        if !dirty.config_maps.is_disjoint(&self.config_maps) {
            stale.extend(self.settle_settings(store));
        }
        for id in dirty.ingresses.union(&stale) {
            self.replace(id, store);
        }
        self.referenced.settle(store, &mut self.published);
        dirty.services.iter().for_each(|id| self.upstreams.service_changed(id));
        dirty.endpoints.iter().for_each(|id| self.upstreams.endpoints_changed(id));

        for referrer in self.secrets.settle(&dirty.secrets, store, unix_seconds(now)) {
            match referrer {
                Referrer::Ingress(id) => {
                    if let Some(ingress) = self.ingresses.get(&id) {
                        self.hosts.touch(ingress);
                    }
                }
                Referrer::Options => {
                    if let Some(id) = &store.options().default_ssl_certificate {
                        self.secrets.check_default(id, &mut self.problems);
                    }
                }
                // No Secret is named there.
                Referrer::GlobalAuth(_) => {}
            }
        }
        for (host, regex) in self.slots.settle(&mut self.published, &mut self.problems) {
            self.hosts.set_regex(&host, regex);
        }
        self.hosts.settle(&mut self.secrets, &mut self.published, &mut self.problems);
        self.secrets.publish(&mut self.published);
        self.upstreams.settle(store, &self.ingresses, &mut self.published, &mut self.problems);

        let (new_problems, solved_problems) = self.problems.take_changes();
        let sightings = sightings(&mut dirty, store);
        Output { changes: self.published.take_changes(), new_problems, solved_problems, sightings }
    }

    /// All current resources, each exactly once: what a gateway gets that has just connected.
    pub fn resources(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.published.iter()
    }

    /// All current problems, sorted.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter()
    }

    /// The objects that others name and that a source brings only when it is asked to; `None` when they are those of the
    /// last call.
    pub fn take_references(&mut self) -> Option<BTreeSet<ObjectKey>> {
        let config_maps_changed = std::mem::take(&mut self.config_maps_changed);
        let (secrets, secrets_changed) = self.secrets.take_wanted();
        let (others, others_changed) = self.referenced.take_wanted();
        if !secrets_changed && !config_maps_changed && !others_changed {
            return None;
        }
        let secrets = secrets.iter().map(|id| ObjectKey::new(Kind::Secret, id.clone()));
        let config_maps = self.config_maps.iter().map(|id| ObjectKey::new(Kind::ConfigMap, id.clone()));
        Some(secrets.chain(config_maps).chain(others.iter().cloned()).collect())
    }

    /// How many Ingresses are served.
    pub fn ingresses(&self) -> usize {
        self.ingresses.len()
    }

    /// What the flags alone say.
    fn start(&mut self, store: &Store) {
        self.started = true;
        let options = store.options();
        if let Some(id) = &options.default_backend_service {
            self.upstreams.refer(&default_backend(id), Referrer::Options, Use::Ordinary);
        }
        if let Some(id) = &options.default_ssl_certificate {
            self.secrets.refer(id, Referrer::Options);
            self.secrets.switch(None, Some(id));
        }
        // Every Ingress is still to come, so that nobody asks for what the gates were.
        self.settle_settings(store);
    }

    /// Reads the settings anew and answers which Ingresses must be read anew with them.
    fn settle_settings(&mut self, store: &Store) -> BTreeSet<NamespacedName> {
        let settings::Read { settings, gates, sources } = settings::read(store, &mut self.problems);
        let options = store.options();
        let settings = Settings {
            default_backend: options.default_backend_service.as_ref().map(default_backend),
            default_certificate: options.default_ssl_certificate.clone(),
            ..settings
        };
        self.ask_globally(&settings, options.configmap.as_ref());
        self.published.set(Arc::new(Resource::Settings(Box::new(settings))));
        self.config_maps_changed |= self.config_maps != sources;
        self.config_maps = sources;
        if self.gates == gates {
            return BTreeSet::new();
        }
        self.gates = gates;
        store.ingress_ids().cloned().collect()
    }

    /// Has the service of `global-auth-url` among the upstreams.
    fn ask_globally(&mut self, settings: &Settings, map: Option<&NamespacedName>) {
        let new = match &settings.global_auth {
            GlobalAuth::Ask(auth) => auth.upstream().cloned().zip(map.cloned()),
            GlobalAuth::None | GlobalAuth::Broken => None,
        };
        if self.global_auth == new {
            return;
        }
        if let Some((id, map)) = std::mem::replace(&mut self.global_auth, new.clone()) {
            self.upstreams.unrefer(&id, &Referrer::GlobalAuth(map));
        }
        if let Some((id, map)) = new {
            self.upstreams.refer(&id, Referrer::GlobalAuth(map), Use::Ordinary);
        }
    }

    /// Takes an Ingress out of every part and, when it is there and ours, puts its new form in.
    fn replace(&mut self, id: &NamespacedName, store: &Store) {
        if let Some(old) = self.ingresses.remove(id) {
            self.slots.remove(&old);
            self.hosts.remove(&old);
            self.secrets.remove(&old);
            self.upstreams.remove(&old);
            self.referenced.remove(&old);
        }
        let mut problems = Vec::new();
        if let Some((ingress, location)) = store.ingress(id) {
            match store.standing(ingress) {
                Standing::Foreign => {}
                Standing::ClassMissing => {
                    problems.extend(classes::missing(ingress, location, store.options()));
                }
                standing @ (Standing::Ours | Standing::OursByName) => {
                    let new = Arc::new(compile(ingress, location, standing, store, &self.gates));
                    problems.clone_from(&new.problems);
                    self.slots.add(&new);
                    self.hosts.add(&new);
                    self.secrets.add(&new);
                    self.upstreams.add(&new);
                    self.referenced.add(&new, &mut self.published);
                    self.ingresses.insert(id.clone(), new);
                }
            }
        }
        self.problems.set(Owner::Ingress(id.clone()), problems);
    }
}

/// What the outputs towards the cluster are told.
fn sightings(dirty: &mut Dirty, store: &Store) -> Vec<Sighting> {
    let turned_away = std::mem::take(&mut dirty.turned_away);
    let held = |id: &&NamespacedName| !turned_away.contains_key(*id);
    let translated = dirty.ingresses.iter().filter(held).filter_map(|id| sighting::see(id, store, true));
    let others = dirty.statuses.difference(&dirty.ingresses).filter(held);
    let others = others.filter_map(|id| sighting::see(id, store, false));
    let mut all: Vec<_> = translated.chain(others).collect();
    all.extend(turned_away.into_iter().filter_map(|(id, ingress)| sighting::turned_away(id, &ingress)));
    all
}

/// The first port of the Service of `--default-backend-service`.
fn default_backend(id: &NamespacedName) -> UpstreamId {
    UpstreamId { namespace: id.namespace.clone(), service: id.name.clone(), port: ServicePort::First }
}

fn unix_seconds(time: SystemTime) -> i64 {
    let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => seconds(since),
        Err(error) => -seconds(error.duration()),
    }
}

#[cfg(test)]
mod tests;
