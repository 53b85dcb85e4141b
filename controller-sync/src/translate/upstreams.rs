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
use std::net::SocketAddr;
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
    /// How many of the referrers use it in each way.
    uses: [usize; Use::ALL.len()],
    /// What the problems of the referrers say; `None` until it is settled.
    status: Option<Status>,
}

/// What an upstream is used for.
struct Uses {
    /// What becomes of requests that have no endpoint.
    then: &'static str,
    /// Somebody sends requests to its endpoints.
    endpoints: bool,
    /// Somebody sends requests to the Service's own address.
    address: bool,
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

/// How somebody uses an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// For requests.
    Ordinary,
    /// For a share of them.
    Canary,
    /// In place of others that fail.
    Spare,
    /// With `service-upstream`: for requests, whoever its endpoints are.
    ByAddress,
    /// For copies of requests.
    Copies,
}

impl Use {
    /// What matters most comes first.
    const ALL: [Self; 5] = [Self::Ordinary, Self::Canary, Self::Spare, Self::Copies, Self::ByAddress];

    fn of(ingress: &Compiled, place: Place) -> Self {
        match place {
            Place::Annotation(_) => Self::Spare,
            Place::AuthUrl => Self::Ordinary,
            Place::MirrorTarget => Self::Copies,
            _ if ingress.service_upstream == Some(true) => Self::ByAddress,
            _ if ingress.canary.is_some() => Self::Canary,
            Place::Path { .. } | Place::DefaultBackend => Self::Ordinary,
        }
    }

    /// What becomes of requests that have no endpoint.
    fn then(self) -> &'static str {
        match self {
            Self::Ordinary | Self::ByAddress => "requests get 503",
            Self::Canary => "its requests go to the primary",
            Self::Copies => "nothing is copied",
            Self::Spare => "it is as if the annotation default-backend were not there",
        }
    }
}

impl Upstreams {
    pub(super) fn add(&mut self, ingress: &Compiled) {
        for (id, place) in &ingress.upstreams {
            self.refer(id, Referrer::Ingress(ingress.id().clone()), Use::of(ingress, *place));
        }
    }

    pub(super) fn remove(&mut self, ingress: &Compiled) {
        let referrer = Referrer::Ingress(ingress.id().clone());
        for (id, place) in &ingress.upstreams {
            if let Some(state) = self.upstreams.get_mut(id)
                && state.referrers.remove(&referrer)
            {
                state.uses[Use::of(ingress, *place) as usize] -= 1;
            }
            self.touched.entry(id.clone()).or_default().insert(referrer.clone());
        }
    }

    pub(super) fn refer(&mut self, id: &UpstreamId, referrer: Referrer, use_: Use) {
        let state = self.upstreams.entry(id.clone()).or_default();
        if state.referrers.insert(referrer.clone()) {
            state.uses[use_ as usize] += 1;
        }
        self.by_service.entry(service_of(id)).or_default().insert(id.clone());
        self.touched.entry(id.clone()).or_default().insert(referrer);
    }

    pub(super) fn unrefer(&mut self, id: &UpstreamId, referrer: &Referrer) {
        if let Some(state) = self.upstreams.get_mut(id)
            && state.referrers.remove(referrer)
        {
            state.uses[Use::Ordinary as usize] -= 1;
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
            let (protocol, service_address) = (found.protocol(), found.service_address());
            let upstream = Upstream { id: id.clone(), protocol, service_address };
            published.set(Arc::new(Resource::Upstream(upstream)));
            let name = found.name_to_resolve().map(str::to_owned);
            store.use_name(&service_of(&id), name.as_deref());
            settle_endpoints(store, &id, &self.uses(&id), published, problems);

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
            settle_endpoints(store, &id, &self.uses(&id), published, problems);
        }
        if names_moved {
            store.prune_names();
        }
    }

    fn uses(&self, id: &UpstreamId) -> Uses {
        let uses = self.upstreams.get(id).map(|state| state.uses).unwrap_or_default();
        let mut ways = Use::ALL.into_iter().filter(|way| uses[*way as usize] > 0);
        let way = ways.clone().next().unwrap_or(Use::Ordinary);
        let address = ways.any(|way| way == Use::ByAddress);
        Uses { then: way.then(), endpoints: way != Use::ByAddress, address }
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

    fn service_address(&self) -> Option<SocketAddr> {
        let (service, _) = self.service?;
        endpoints::service_address(service, find_port(service, &self.id.port)?, self.store.options())
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
    uses: &Uses,
    published: &mut Published,
    problems: &mut Problems,
) {
    let found = Lookup::new(store, id);
    let mut all = Vec::new();
    let (addresses, problem) = match found.service {
        _ if id.is_outside() => (found.outside().0, None),
        Some((service, location)) if found.status() == Status::Found => {
            let subject = Subject::new("Service", &service_of(id), location);
            let own = found.service_address().is_some();
            if uses.address && !own {
                all.push(no_address(id, &subject));
            }
            let (addresses, problem) = addresses(store, service, id, &subject, uses.then);
            (addresses, problem.filter(|_| uses.endpoints || !own))
        }
        // The referrers are told.
        _ => (Addresses::default(), None),
    };
    all.extend(problem);
    problems.set(Owner::Upstream(id.clone()), all);
    let endpoints = Endpoints { upstream: id.clone(), endpoints: addresses.endpoints };
    published.set(Arc::new(Resource::Endpoints(endpoints)));
}

/// `service-upstream` of a Service that has no address.
fn no_address(id: &UpstreamId, subject: &Subject) -> Problem {
    let port = quoted(&id.port.to_string());
    let message = format!(
        "it has no address of its own that requests may go to, so service-upstream has no effect on port {port}: they go to its endpoints"
    );
    subject.warning(
        Reason::AnnotationConflict,
        "spec.clusterIP",
        message,
        "remove the annotation service-upstream, or give the Service a clusterIP",
    )
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
    let mut way = Use::Ordinary;
    let (subject, field, by) = match referrer {
        Referrer::Ingress(ingress) => {
            let ingress = ingresses.get(ingress)?;
            let place = ingress.upstreams.get(id)?;
            way = Use::of(ingress, *place);
            let backend = match place {
                Place::Path { .. } => format!("{place}.backend.service"),
                Place::DefaultBackend => format!("{place}.service"),
                Place::Annotation(name) => ingress.wishes.field(name),
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
    let then = way.then();
    // An annotation has no fields below it.
    let below = |field: String, name: &str| match way {
        Use::Spare => field,
        _ if field.is_empty() => field,
        _ => format!("{field}.{name}"),
    };
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
            below(field, "name"),
            format!("Service {service} does not exist; {then}"),
            &format!("create the Service, or correct the name{by}"),
        )),
        Status::PortMissing => Some(subject.error(
            Reason::PortNotFound,
            below(field, "port"),
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
