//! Upstream groups: the endpoints behind a Service port, and which of them gets the next request.
//!
//! ```text
//!   CompiledRoute ──▶ Group ──ArcSwap──▶ Members ──▶ RoundRobin (a pingora-load-balancing selection) ──▶ Target
//! ```
//!
//! Routes hold their group for as long as they live. Endpoints that come and go replace the group's members and nothing
//! else; see [`groups`] for who keeps the groups.

pub mod backend_protocol;
pub mod carried;
pub mod groups;
pub mod proxy_ssl;
pub mod round_robin;
pub mod target;

pub use backend_protocol::Transport;
pub use target::Target;

use arc_swap::ArcSwap;
use ingora_config::{Endpoint, Protocol, UpstreamId};
use pingora_load_balancing::Backend;
use pingora_load_balancing::selection::{BackendIter, BackendSelection};
use round_robin::{Counter, RoundRobin};
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

/// One Service port and its endpoints.
#[derive(Debug)]
pub struct Group {
    id: UpstreamId,
    name: Box<str>,
    members: ArcSwap<Members>,
    /// Outlives every change of members, so that a change does not send a burst to the first of them.
    turn: Counter,
}

/// The endpoints at one moment.
#[derive(Debug)]
struct Members {
    protocol: Protocol,
    targets: Box<[Arc<Target>]>,
    selection: Arc<RoundRobin>,
}

impl Group {
    /// A group without endpoints.
    pub fn new(id: UpstreamId) -> Self {
        let turn = Counter::default();
        let selection = Arc::new(RoundRobin::build_with_config(&BTreeSet::new(), &turn));
        let members = Members { protocol: Protocol::default(), targets: Box::default(), selection };
        Self { name: id.to_string().into(), id, members: ArcSwap::from_pointee(members), turn }
    }

    /// Which Service port it is.
    pub fn id(&self) -> &UpstreamId {
        &self.id
    }

    /// `namespace-service-port`, as logs show it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its endpoints speak.
    pub fn protocol(&self) -> Protocol {
        self.members.load().protocol
    }

    /// Whether there is no endpoint.
    pub fn is_empty(&self) -> bool {
        self.members.load().targets.is_empty()
    }

    /// How many endpoints there are.
    pub fn len(&self) -> usize {
        self.members.load().targets.len()
    }

    /// The endpoints, by address.
    pub fn targets(&self) -> Vec<Arc<Target>> {
        self.members.load().targets.to_vec()
    }

    /// The endpoint whose turn it is; the next one that was not `tried`, or when all were, the one whose turn it is.
    /// `None` when there are no endpoints. Takes no lock and allocates nothing.
    pub fn pick(&self, tried: &[SocketAddr]) -> Option<Arc<Target>> {
        let selection = Arc::clone(&self.members.load().selection);
        let mut turns = selection.iter(&[]);
        let mut first = None;
        while let Some(backend) = turns.next() {
            let target = Target::of(backend)?;
            if !tried.contains(&target.address) {
                return Some(Arc::clone(target));
            }
            first.get_or_insert_with(|| Arc::clone(target));
        }
        first
    }

    /// Replaces the endpoints. One that was there before with the same target keeps its state.
    pub(crate) fn set(&self, protocol: Protocol, endpoints: &[Endpoint]) {
        let before = self.members.load();
        let known: HashMap<_, _> = before
            .targets
            .iter()
            .filter(|target| target.protocol == protocol)
            .map(|target| ((target.address, &*target.id), target))
            .collect();
        let backends: BTreeSet<Backend> = endpoints
            .iter()
            .map(|endpoint| match known.get(&(endpoint.address, endpoint.target.as_str())) {
                Some(target) => Arc::clone(target),
                None => Arc::new(Target::new(protocol, endpoint)),
            })
            .map(Target::into_backend)
            .collect();
        let targets = backends.iter().filter_map(Target::of).cloned().collect();
        let selection = Arc::new(RoundRobin::build_with_config(&backends, &self.turn));
        self.members.store(Arc::new(Members { protocol, targets, selection }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingora_config::ServicePort;

    fn endpoint(last: u8, target: &str) -> Endpoint {
        Endpoint { address: SocketAddr::from(([10, 0, 0, last], 80)), target: target.into() }
    }

    fn group(count: u8) -> Group {
        let group = Group::new(UpstreamId {
            namespace: "shop".into(),
            service: "web".into(),
            port: ServicePort::Name("http".into()),
        });
        let endpoints: Vec<_> = (1..=count).map(|last| endpoint(last, &format!("pod-{last}"))).collect();
        group.set(Protocol::Http1, &endpoints);
        group
    }

    #[test]
    fn requests_go_round_exactly() {
        let group = group(3);
        let mut counts = HashMap::new();
        for _ in 0..300 {
            *counts.entry(group.pick(&[]).unwrap().address).or_insert(0) += 1;
        }
        assert_eq!(counts.into_values().collect::<Vec<_>>(), [100, 100, 100]);
        assert_eq!(group.name(), "shop-web-http");
    }

    #[test]
    fn an_endpoint_that_failed_is_tried_again_only_when_all_failed() {
        let group = group(3);
        let mut tried = Vec::new();
        for _ in 0..3 {
            let target = group.pick(&tried).unwrap();
            assert!(!tried.contains(&target.address));
            tried.push(target.address);
        }
        assert!(group.pick(&tried).is_some(), "better one that failed than none");
    }

    #[test]
    fn a_group_without_endpoints_has_nothing_to_pick() {
        let group = group(2);
        group.set(Protocol::Http1, &[]);
        assert!(group.is_empty() && group.pick(&[]).is_none());
    }

    #[test]
    fn an_endpoint_keeps_its_state_and_a_reused_address_does_not() {
        let group = group(2);
        let before = group.targets();
        group.set(Protocol::Http1, &[endpoint(1, "pod-1"), endpoint(2, "another-pod"), endpoint(3, "pod-3")]);
        let after = group.targets();
        assert!(Arc::ptr_eq(&before[0], &after[0]));
        assert!(!Arc::ptr_eq(&before[1], &after[1]));
        assert_ne!(before[1].peer.group_key, after[1].peer.group_key, "their connections must not be shared");
        group.set(Protocol::H2c, &[endpoint(1, "pod-1")]);
        assert_ne!(group.targets()[0].peer.group_key, after[0].peer.group_key);
    }

    #[test]
    fn a_change_of_endpoints_does_not_start_the_round_anew() {
        let group = group(2);
        let first = group.pick(&[]).unwrap().address;
        group.set(Protocol::Http1, &[endpoint(1, "pod-1"), endpoint(2, "pod-2")]);
        assert_ne!(group.pick(&[]).unwrap().address, first);
    }
}
