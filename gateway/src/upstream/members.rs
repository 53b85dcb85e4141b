//! The endpoints of a group at one moment, and what is worked out of them beforehand for the routes that want it.

use super::ring::Ring;
use super::round_robin::{Counter, RoundRobin};
use super::session::Tag;
use super::{Probing, Target};
use ingora_config::{Endpoint, Protocol};
use pingora_load_balancing::Backend;
use pingora_load_balancing::selection::{BackendIter, BackendSelection};
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// What stands behind a Service's own address, which is no Pod.
const SERVICE: &str = "service";

/// What the routes of a group need besides its endpoints; what one wanted once is kept up.
#[derive(Debug, Default)]
pub(super) struct Wants {
    pub(super) ring: AtomicBool,
    pub(super) places: AtomicBool,
    pub(super) measures: AtomicBool,
}

impl Wants {
    pub(super) fn measured(&self) -> bool {
        self.measures.load(Ordering::Relaxed)
    }
}

/// The endpoints at one moment.
#[derive(Debug)]
pub(super) struct Members {
    pub(super) protocol: Protocol,
    /// By address.
    pub(super) targets: Box<[Arc<Target>]>,
    /// The Service's own address.
    pub(super) service: Option<Arc<Target>>,
    selection: Arc<RoundRobin>,
    ring: OnceLock<Ring>,
    places: OnceLock<HashMap<Tag, Arc<Target>>>,
}

impl Members {
    pub(super) fn new(
        protocol: Protocol,
        targets: Vec<Arc<Target>>,
        service: Option<Arc<Target>>,
        turn: &Counter,
    ) -> Self {
        let backends: BTreeSet<Backend> = targets.into_iter().map(Target::into_backend).collect();
        let targets = backends.iter().filter_map(Target::of).cloned().collect();
        let selection = Arc::new(RoundRobin::build_with_config(&backends, turn));
        let (ring, places) = (OnceLock::new(), OnceLock::new());
        Self { protocol, targets, service, selection, ring, places }
    }

    /// The targets of endpoints: those that are known already, and new ones.
    pub(super) fn renewed(&self, protocol: Protocol, endpoints: &[Endpoint]) -> Vec<Arc<Target>> {
        let known: HashMap<_, _> = self
            .targets
            .iter()
            .filter(|target| target.protocol == protocol)
            .map(|target| ((target.address, &*target.id), target))
            .collect();
        let averages = self.targets.iter().map(|target| target.load.average());
        let average = averages.sum::<f32>() / self.targets.len().max(1) as f32;
        let make = |endpoint: &Endpoint| {
            let target = Target::new(protocol, endpoint);
            target.load.begin_at(average);
            Arc::new(target)
        };
        endpoints
            .iter()
            .map(|endpoint| match known.get(&(endpoint.address, endpoint.target.as_str())) {
                Some(target) => Arc::clone(target),
                None => make(endpoint),
            })
            .collect()
    }

    /// The target of the Service's own address.
    pub(super) fn renewed_service(&self, protocol: Protocol, address: SocketAddr) -> Arc<Target> {
        match &self.service {
            Some(service) if service.address == address && service.protocol == protocol => {
                Arc::clone(service)
            }
            _ => Arc::new(Target::new(protocol, &Endpoint { address, target: SERVICE.to_owned() })),
        }
    }

    /// Works out what is wanted, before a request has to wait for it.
    pub(super) fn prepare(&self, wants: &Wants, group: &str) {
        if wants.ring.load(Ordering::SeqCst) {
            self.ring();
        }
        if wants.places.load(Ordering::SeqCst) {
            self.places(group);
        }
    }

    pub(super) fn ring(&self) -> &Ring {
        self.ring.get_or_init(|| Ring::new(self.selection.backends()))
    }

    /// The endpoint that a session names.
    pub(super) fn of_place(&self, place: &Tag, group: &str) -> Option<Arc<Target>> {
        self.places(group).get(place).cloned()
    }

    fn places(&self, group: &str) -> &HashMap<Tag, Arc<Target>> {
        self.places.get_or_init(|| {
            self.targets.iter().map(|target| (*target.tag(group), Arc::clone(target))).collect()
        })
    }

    /// The endpoint whose turn it is, of those that may be used.
    pub(super) fn in_turn(&self, tried: &[SocketAddr], probing: Probing) -> Option<Arc<Target>> {
        let mut turns = self.selection.iter(&[]);
        let (mut untried, mut first, mut out) = (None, None, 0);
        while let Some(backend) = turns.next() {
            let target = Target::of(backend)?;
            if tried.contains(&target.address) {
                first.get_or_insert_with(|| Arc::clone(target));
            } else if target.health.usable(probing) {
                if out > 0 {
                    self.selection.pass(out);
                }
                return Some(Arc::clone(target));
            } else {
                out += 1;
                untried.get_or_insert_with(|| Arc::clone(target));
            }
        }
        untried.or(first)
    }

    /// Whether one more endpoint may be left out: half of them, and never the last.
    pub(super) fn may_do_without_another(&self) -> bool {
        let count = self.targets.len();
        let most = count.div_ceil(2).min(count.saturating_sub(1));
        self.targets.iter().filter(|target| target.health.is_out()).count() < most
    }
}
