//! Translation: from the store to resources and problems.
//!
//! ```text
//!   Ingress ──compile──▶ Compiled ──┬─▶ slots ─────▶ Route            (oldest claim on host and path)
//!   (annotations, tls, classes)     ├─▶ hosts ─────▶ VirtualHost      (who decides about the certificate)
//!                                   ├─▶ secrets ───▶ Certificate
//!                                   └─▶ upstreams ─▶ Upstream, Endpoints
//!   Secret ──certificate──▶ secrets ──▶ hosts
//!   Service ──service──▶ upstreams    EndpointSlice, DNS ──endpoints──▶ Endpoints alone
//! ```
//!
//! Each part keeps what it knows by identity and remembers what was touched; settling walks what was touched and nothing
//! else, so that an edit costs the same in a small cluster and in a large one. The state that results depends on the
//! store's content and on the time alone, never on the order in which objects arrived.

use crate::store::{Standing, Store};
use compile::{Compiled, compile};
use gates::Gates;
use hosts::Hosts;
use ingora_config::{Key, NamespacedName, Problem, Resource, ServicePort, Settings, UpstreamId};
use problems::{Owner, Problems};
use published::Published;
use reference::Referrer;
use secrets::Secrets;
use slots::Slots;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;
use upstreams::Upstreams;

pub mod annotations;
mod certificate;
mod classes;
mod compile;
mod endpoints;
mod gates;
mod hosts;
mod problems;
mod published;
mod quote;
mod rank;
mod reference;
mod secrets;
mod service;
mod slots;
mod tls;
mod upstreams;
mod value;

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
    published: Published,
    problems: Problems,
    gates: Gates,
}

impl Translator {
    /// A translator that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Translates what changed in the store since the last call. `now` only decides which certificates are expired: call
    /// it now and then although nothing changed, and that is noticed.
    pub fn translate(&mut self, store: &mut Store, now: SystemTime) -> Output {
        let dirty = store.take_dirty();
        if !self.started {
            self.start(store);
        }
        for id in &dirty.ingresses {
            self.replace(id, store);
        }
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
            }
        }
        for (host, regex) in self.slots.settle(&mut self.published, &mut self.problems) {
            self.hosts.set_regex(&host, regex);
        }
        self.hosts.settle(&mut self.secrets, &mut self.published, &mut self.problems);
        self.secrets.publish(&mut self.published);
        self.upstreams.settle(store, &self.ingresses, &mut self.published, &mut self.problems);

        let (new_problems, solved_problems) = self.problems.take_changes();
        Output { changes: self.published.take_changes(), new_problems, solved_problems }
    }

    /// All current resources, each exactly once: what a gateway gets that has just connected.
    pub fn resources(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.published.iter()
    }

    /// All current problems, sorted.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter()
    }

    /// How many Ingresses are served.
    pub fn ingresses(&self) -> usize {
        self.ingresses.len()
    }

    /// What the flags alone say.
    fn start(&mut self, store: &Store) {
        self.started = true;
        let options = store.options();
        let default_backend = options.default_backend_service.as_ref().map(|id| UpstreamId {
            namespace: id.namespace.clone(),
            service: id.name.clone(),
            port: ServicePort::First,
        });
        if let Some(id) = &default_backend {
            self.upstreams.refer(id, Referrer::Options);
        }
        let default_certificate = options.default_ssl_certificate.clone();
        if let Some(id) = &default_certificate {
            self.secrets.refer(id, Referrer::Options);
            self.secrets.switch(None, Some(id));
        }
        let settings = Settings { default_backend, default_certificate, ..Settings::default() };
        self.published.set(Arc::new(Resource::Settings(settings)));
    }

    /// Takes an Ingress out of every part and, when it is there and ours, puts its new form in.
    fn replace(&mut self, id: &NamespacedName, store: &Store) {
        if let Some(old) = self.ingresses.remove(id) {
            self.slots.remove(&old);
            self.hosts.remove(&old);
            self.secrets.remove(&old);
            self.upstreams.remove(&old);
        }
        let mut problems = Vec::new();
        if let Some((ingress, location)) = store.ingress(id) {
            let options = store.options();
            match store.standing(ingress) {
                Standing::Foreign => {}
                Standing::ClassMissing => problems.extend(classes::missing(ingress, location, options)),
                standing @ (Standing::Ours | Standing::OursByName) => {
                    let new = Arc::new(compile(ingress, location, standing, options, &self.gates));
                    problems.clone_from(&new.problems);
                    self.slots.add(&new);
                    self.hosts.add(&new);
                    self.secrets.add(&new);
                    self.upstreams.add(&new);
                    self.ingresses.insert(id.clone(), new);
                }
            }
        }
        self.problems.set(Owner::Ingress(id.clone()), problems);
    }
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
