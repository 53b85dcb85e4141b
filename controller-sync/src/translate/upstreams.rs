//! Upstreams: the Service ports that somebody refers to, and in a lane of their own their endpoints.
//!
//! A changed EndpointSlice touches the endpoints of its Service's ports and nothing else; a changed Service touches its
//! upstreams and, when it came or went or lost a port, the problems of those who refer to it.

use super::compile::{Compiled, Place};
use super::endpoints::{self, Addresses, External};
use super::problems::{Owner, Problems, Subject};
use super::published::Published;
use super::quote::quoted;
use super::reference::Referrer;
use super::service::find_port;
use crate::object::Service;
use crate::store::Store;
use ingora_config::{
    Endpoints, Key, NamespacedName, Problem, Protocol, Reason, Resource, ServicePort, SourceLocation,
    Upstream, UpstreamId,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

const H2C: &str = "kubernetes.io/h2c";

#[derive(Default)]
pub(super) struct Upstreams {
    upstreams: HashMap<UpstreamId, State>,
    by_service: HashMap<NamespacedName, BTreeSet<UpstreamId>>,
    /// Upstreams to settle, each with the referrers that came or went.
    touched: BTreeMap<UpstreamId, BTreeSet<Referrer>>,
    /// Upstreams of which only the endpoints are to be settled.
    touched_endpoints: BTreeSet<UpstreamId>,
}

#[derive(Default)]
struct State {
    referrers: BTreeSet<Referrer>,
    /// How many of the referrers are no canary.
    ordinary: usize,
    /// What the problems of the referrers say; `None` until it is settled.
    status: Option<Status>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Found,
    ServiceMissing,
    PortMissing,
    /// Of a host outside of the cluster.
    NotResolved,
    /// Of a host outside of the cluster: its addresses are those of the machine or the link.
    Forbidden,
}

impl Upstreams {
    pub(super) fn add(&mut self, ingress: &Compiled) {
        for id in ingress.upstreams.keys() {
            self.refer(id, Referrer::Ingress(ingress.id().clone()), ingress.canary.is_some());
        }
    }

    pub(super) fn remove(&mut self, ingress: &Compiled) {
        let referrer = Referrer::Ingress(ingress.id().clone());
        for id in ingress.upstreams.keys() {
            if let Some(state) = self.upstreams.get_mut(id)
                && state.referrers.remove(&referrer)
                && ingress.canary.is_none()
            {
                state.ordinary -= 1;
            }
            self.touched.entry(id.clone()).or_default().insert(referrer.clone());
        }
    }

    pub(super) fn refer(&mut self, id: &UpstreamId, referrer: Referrer, canary: bool) {
        let state = self.upstreams.entry(id.clone()).or_default();
        if state.referrers.insert(referrer.clone()) && !canary {
            state.ordinary += 1;
        }
        self.by_service.entry(service_of(id)).or_default().insert(id.clone());
        self.touched.entry(id.clone()).or_default().insert(referrer);
    }

    pub(super) fn unrefer(&mut self, id: &UpstreamId, referrer: &Referrer) {
        if let Some(state) = self.upstreams.get_mut(id)
            && state.referrers.remove(referrer)
        {
            state.ordinary -= 1;
        }
        self.touched.entry(id.clone()).or_default().insert(referrer.clone());
    }

    pub(super) fn service_changed(&mut self, service: &NamespacedName) {
        for id in self.by_service.get(service).into_iter().flatten() {
            self.touched.entry(id.clone()).or_default();
        }
    }

    pub(super) fn endpoints_changed(&mut self, service: &NamespacedName) {
        for id in self.by_service.get(service).into_iter().flatten() {
            // Of a host outside the referrers are told what became of its name.
            match id.is_outside() {
                true => _ = self.touched.entry(id.clone()).or_default(),
                false => _ = self.touched_endpoints.insert(id.clone()),
            }
        }
    }

    /// Settles what was touched.
    pub(super) fn settle(
        &mut self,
        store: &mut Store,
        ingresses: &HashMap<NamespacedName, Arc<Compiled>>,
        published: &mut Published,
        problems: &mut Problems,
    ) {
        let names_moved = !self.touched.is_empty();
        for (id, changed) in std::mem::take(&mut self.touched) {
            self.touched_endpoints.remove(&id);
            if self.upstreams.get(&id).is_none_or(|state| state.referrers.is_empty()) {
                self.forget(&id, changed, store, published, problems);
                continue;
            }
            let found = Lookup::new(store, &id);
            let status = found.status();
            published
                .set(Arc::new(Resource::Upstream(Upstream { id: id.clone(), protocol: found.protocol() })));
            let name = found.name_to_resolve().map(str::to_owned);
            store.use_name(&service_of(&id), name.as_deref());
            settle_endpoints(store, &id, self.then(&id), published, problems);

            let Some(state) = self.upstreams.get_mut(&id) else { continue };
            let referrers = if state.status == Some(status) { &changed } else { &state.referrers };
            for referrer in referrers {
                let problem = state
                    .referrers
                    .contains(referrer)
                    .then(|| dangling(&id, status, referrer, ingresses))
                    .flatten();
                problems.set(Owner::Reference(id.clone(), referrer.clone()), problem.into_iter().collect());
            }
            // Those who went are not among the referrers any more.
            for referrer in changed.difference(&state.referrers) {
                problems.set(Owner::Reference(id.clone(), referrer.clone()), Vec::new());
            }
            state.status = Some(status);
        }
        for id in std::mem::take(&mut self.touched_endpoints) {
            settle_endpoints(store, &id, self.then(&id), published, problems);
        }
        if names_moved {
            store.prune_names();
        }
    }

    /// What becomes of the requests of an upstream without endpoints.
    fn then(&self, id: &UpstreamId) -> &'static str {
        then(self.upstreams.get(id).is_some_and(|state| state.ordinary == 0))
    }

    fn forget(
        &mut self,
        id: &UpstreamId,
        referrers: BTreeSet<Referrer>,
        store: &mut Store,
        published: &mut Published,
        problems: &mut Problems,
    ) {
        self.upstreams.remove(id);
        let service = service_of(id);
        if let Some(ids) = self.by_service.get_mut(&service) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_service.remove(&service);
                store.use_name(&service, None);
            }
        }
        published.remove(Key::Endpoints(id.clone()));
        published.remove(Key::Upstream(id.clone()));
        problems.set(Owner::Upstream(id.clone()), Vec::new());
        for referrer in referrers {
            problems.set(Owner::Reference(id.clone(), referrer), Vec::new());
        }
    }
}

/// What becomes of requests that have no endpoint.
fn then(canary: bool) -> &'static str {
    if canary { "its requests go to the primary" } else { "requests get 503" }
}

fn service_of(id: &UpstreamId) -> NamespacedName {
    NamespacedName::new(id.namespace.clone(), id.service.clone())
}

/// What the store knows of one upstream.
struct Lookup<'a> {
    store: &'a Store,
    service: Option<(&'a Service, Option<&'a SourceLocation>)>,
    id: &'a UpstreamId,
}

impl<'a> Lookup<'a> {
    fn new(store: &'a Store, id: &'a UpstreamId) -> Self {
        Self { service: store.service(&service_of(id)), store, id }
    }

    fn status(&self) -> Status {
        if self.id.is_outside() {
            return self.outside().1;
        }
        let Some((service, _)) = self.service else { return Status::ServiceMissing };
        let spec = find_port(service, &self.id.port);
        let found = match service.external_name() {
            Some(_) => endpoints::external_port(spec, &self.id.port).is_some(),
            None => spec.is_some(),
        };
        if found { Status::Found } else { Status::PortMissing }
    }

    fn protocol(&self) -> Protocol {
        let spec = self.service.and_then(|(service, _)| find_port(service, &self.id.port));
        match spec.and_then(|spec| spec.app_protocol.as_deref()) {
            Some(H2C) => Protocol::H2c,
            _ => Protocol::Http1,
        }
    }

    /// The addresses of a host outside of the cluster. Until the first answer of DNS there are none, and nobody is told.
    fn outside(&self) -> (Addresses, Status) {
        let external = External::named(&self.id.service);
        let resolution = self.store.resolution(&self.id.service);
        let port = match self.id.port {
            ServicePort::Number(port) => port,
            ServicePort::Name(_) | ServicePort::First => 0,
        };
        let addresses = endpoints::from_external(&external, resolution, port, self.store.options());
        let failed = resolution.is_some_and(|resolution| resolution.error.is_some());
        let status = match () {
            () if !addresses.endpoints.is_empty() => Status::Found,
            () if addresses.refused => Status::Forbidden,
            () if failed || matches!(external, External::Invalid(_)) => Status::NotResolved,
            () => Status::Found,
        };
        (addresses, status)
    }

    fn name_to_resolve(&self) -> Option<&'a str> {
        if self.id.is_outside() {
            return match External::named(&self.id.service) {
                External::Name(name) => Some(name),
                _ => None,
            };
        }
        match External::of(self.service?.0)? {
            External::Name(name) => Some(name),
            _ => None,
        }
    }
}

fn settle_endpoints(
    store: &Store,
    id: &UpstreamId,
    then: &str,
    published: &mut Published,
    problems: &mut Problems,
) {
    let found = Lookup::new(store, id);
    let (addresses, problem) = match found.service {
        _ if id.is_outside() => (found.outside().0, None),
        Some((service, location)) if found.status() == Status::Found => {
            let subject = Subject::new("Service", &service_of(id), location);
            addresses(store, service, id, &subject, then)
        }
        // The referrers are told.
        _ => (Addresses::default(), None),
    };
    problems.set(Owner::Upstream(id.clone()), problem.into_iter().collect());
    let endpoints = Endpoints { upstream: id.clone(), endpoints: addresses.endpoints };
    published.set(Arc::new(Resource::Endpoints(endpoints)));
}

fn addresses(
    store: &Store,
    service: &Service,
    id: &UpstreamId,
    subject: &Subject,
    then: &str,
) -> (Addresses, Option<Problem>) {
    let spec = find_port(service, &id.port);
    if let Some(external) = External::of(service) {
        let resolution = store.resolution(service.external_name().unwrap_or_default());
        let port = endpoints::external_port(spec, &id.port).unwrap_or_default();
        let addresses = endpoints::from_external(&external, resolution, port, store.options());
        let problem = external_problem(
            &external,
            resolution.and_then(|r| r.error.as_deref()),
            &addresses,
            subject,
            then,
        );
        return (addresses, problem);
    }
    let Some(spec) = spec else { return (Addresses::default(), None) };
    let addresses = endpoints::from_slices(store.slices(&service_of(id)), spec, store.options());
    let problem = addresses.endpoints.is_empty().then(|| {
        let (message, hint) = if addresses.refused {
            (
                "has endpoints with addresses of the machine or the link only, which are not served",
                "give the endpoints addresses of the network",
            )
        } else {
            ("has no ready endpoint", "see whether the Service's selector matches Pods that are ready")
        };
        let message = format!("port {} {message}; {then}", quoted(&id.port.to_string()));
        subject.warning(Reason::NoEndpoints, "", message, hint)
    });
    (addresses, problem)
}

fn external_problem(
    external: &External<'_>,
    error: Option<&str>,
    addresses: &Addresses,
    subject: &Subject,
    then: &str,
) -> Option<Problem> {
    let field = "spec.externalName";
    let reason = Reason::NameNotResolved;
    if let External::Invalid(text) = external {
        let message = format!("{} is neither a DNS name nor an address; {then}", quoted(text));
        return Some(subject.error(reason, field, message, "write a DNS name"));
    }
    if addresses.refused && addresses.endpoints.is_empty() {
        let message =
            format!("it leads to addresses of the machine or the link only, which are not served; {then}");
        return Some(subject.error(reason, field, message, "point it to an address of the network"));
    }
    let error = quoted(error?);
    let hint = "see whether the name exists and the cluster's DNS answers";
    Some(if addresses.endpoints.is_empty() {
        subject.error(reason, field, format!("the name is not resolved: {error}; {then}"), hint)
    } else {
        let message = format!("the name is not resolved any more: {error}; its last addresses are served");
        subject.warning(reason, field, message, hint)
    })
}

/// The problem of a reference that leads to no Service port.
fn dangling(
    id: &UpstreamId,
    status: Status,
    referrer: &Referrer,
    ingresses: &HashMap<NamespacedName, Arc<Compiled>>,
) -> Option<Problem> {
    let service = service_of(id);
    let mut canary = false;
    let (subject, field, by) = match referrer {
        Referrer::Ingress(ingress) => {
            let ingress = ingresses.get(ingress)?;
            canary = ingress.canary.is_some();
            let place = ingress.upstreams.get(id)?;
            let backend = match place {
                Place::Path { .. } => format!("{place}.backend.service"),
                Place::DefaultBackend => format!("{place}.service"),
                Place::AuthUrl => {
                    return unasked(id, status, &ingress.subject, ingress.wishes.field("auth-url"), UNASKED);
                }
                Place::MirrorTarget => {
                    let field = ingress.wishes.field("mirror-target");
                    return unasked(id, status, &ingress.subject, field, "nothing is copied");
                }
            };
            (ingress.subject.clone(), backend, "")
        }
        Referrer::GlobalAuth(map) => {
            let subject = Subject::new("ConfigMap", map, None);
            return unasked(id, status, &subject, "data[\"global-auth-url\"]".into(), UNASKED);
        }
        Referrer::Options => {
            (Subject::new("Service", &service, None), String::new(), "; --default-backend-service names it")
        }
    };
    let then = then(canary);
    let no_port = match &id.port {
        ServicePort::Name(name) if name.is_empty() => {
            format!("the backend names no port of Service {service}; {then}")
        }
        ServicePort::First => format!("Service {service} has no TCP port; {then}"),
        port => format!("Service {service} has no TCP port {}; {then}", quoted(&port.to_string())),
    };
    match status {
        Status::Found | Status::NotResolved | Status::Forbidden => None,
        Status::ServiceMissing => Some(subject.error(
            Reason::ServiceNotFound,
            if field.is_empty() { field } else { format!("{field}.name") },
            format!("Service {service} does not exist; {then}"),
            &format!("create the Service, or correct the name{by}"),
        )),
        Status::PortMissing => Some(subject.error(
            Reason::PortNotFound,
            if field.is_empty() { field } else { format!("{field}.port") },
            no_port,
            &format!("name one of the Service's ports, by number or by name{by}"),
        )),
    }
}

/// What follows when there is nobody to ask.
const UNASKED: &str = "nobody can be asked, and requests get 500";

/// The problem of a URL that leads nowhere, and what follows from it.
fn unasked(id: &UpstreamId, status: Status, subject: &Subject, field: String, then: &str) -> Option<Problem> {
    let service = service_of(id);
    let (reason, what, hint) = match status {
        Status::Found => return None,
        Status::ServiceMissing => (
            Reason::ServiceNotFound,
            format!("Service {service} does not exist"),
            "create the Service, or correct the URL",
        ),
        Status::PortMissing => (
            Reason::PortNotFound,
            format!("Service {service} has no TCP port {}", quoted(&id.port.to_string())),
            "write one of the Service's ports into the URL",
        ),
        Status::NotResolved => (
            Reason::NameNotResolved,
            format!("the name {} is not resolved", quoted(&id.service)),
            "see whether the name exists and the cluster's DNS answers",
        ),
        Status::Forbidden => (
            Reason::NameNotResolved,
            format!("{} leads to addresses of the machine or the link only", quoted(&id.service)),
            "name a host of the network",
        ),
    };
    let message = format!("{what}; {then}");
    Some(subject.error(reason, field, message, hint))
}
