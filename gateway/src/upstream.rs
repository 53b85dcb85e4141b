//! Upstream groups: the endpoints behind a Service port, and which of them gets the next request.
//!
//! ```text
//!                                           ┌─ round_robin, ewma    one after the other; the better one of two
//!   CompiledRoute ──▶ Group ──ArcSwap──▶ Members ── ring            by a key (ketama of pingora-load-balancing)
//!        which selection                    ├─ session              by what a cookie says
//!                                           └─ the Service's own address
//!                                                 each ──▶ Target: health, load
//! ```
//!
//! Routes hold their group for as long as they live, and say per request how to choose ([`Selection`]): the group itself
//! belongs to no route. Endpoints that come and go replace the group's members and nothing else; see [`groups`] for who
//! keeps the groups. What is known of an endpoint (health, load) lives as long as the endpoint.

pub mod backend_protocol;
pub mod carried;
mod chance;
mod clock;
mod ewma;
pub mod groups;
pub mod health;
pub mod load;
mod members;
pub mod proxy_ssl;
pub mod ring;
pub mod round_robin;
pub mod session;
pub mod target;

pub use backend_protocol::Transport;
pub use health::Probing;
pub use session::Session;
pub use target::Target;

use arc_swap::ArcSwap;
use ingora_config::policy::AffinityMode;
use ingora_config::{Endpoint, Protocol, UpstreamId};
use members::{Members, Wants};
use round_robin::Counter;
use session::Tag;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often a new session asks chance for an endpoint that may be used.
const DRAWS: usize = 8;

/// How a request chooses among the endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The better one of two drawn by chance.
    Ewma,
    /// By a key (see [`ring::key`]), which so many endpoints share.
    Hash(u64, u8),
    /// The address of the Service itself.
    Service,
}

/// One Service port and its endpoints.
#[derive(Debug)]
pub struct Group {
    id: UpstreamId,
    name: Box<str>,
    /// What stands for it in cookies.
    tag: Tag,
    members: ArcSwap<Members>,
    /// Outlives every change of members, so that a change does not send a burst to the first of them.
    turn: Counter,
    wants: Wants,
    ejections: AtomicU64,
}

impl Group {
    /// A group without endpoints.
    pub fn new(id: UpstreamId) -> Self {
        let (turn, name) = (Counter::default(), id.to_string());
        let members = Members::new(Protocol::default(), Vec::new(), None, &turn);
        Self {
            tag: session::digest(&[&name]),
            name: name.into(),
            id,
            members: ArcSwap::from_pointee(members),
            turn,
            wants: Wants::default(),
            ejections: AtomicU64::new(0),
        }
    }

    /// Which Service port it is.
    pub fn id(&self) -> &UpstreamId {
        &self.id
    }

    /// `namespace-service-port`, as logs show it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands for it in the cookies of sessions.
    pub fn tag(&self) -> &Tag {
        &self.tag
    }

    /// What its endpoints speak.
    pub fn protocol(&self) -> Protocol {
        self.members.load().protocol
    }

    /// Whether there is no endpoint.
    pub fn is_empty(&self) -> bool {
        self.members.load().targets.is_empty()
    }

    /// Whether the Service has an address of its own.
    pub fn has_service_address(&self) -> bool {
        self.members.load().service.is_some()
    }

    /// How many endpoints there are.
    pub fn len(&self) -> usize {
        self.members.load().targets.len()
    }

    /// The endpoints, by address.
    pub fn targets(&self) -> Vec<Arc<Target>> {
        self.members.load().targets.to_vec()
    }

    /// How often one of its endpoints was left out for not answering.
    pub fn ejections(&self) -> u64 {
        self.ejections.load(Ordering::Relaxed)
    }

    /// Whether requests in flight and answer times are to be noted.
    pub fn is_measured(&self) -> bool {
        self.wants.measured()
    }

    /// A route chooses by keys, or by the places that sessions have on the ring.
    pub fn want_ring(&self) {
        self.wants.ring.store(true, Ordering::SeqCst);
        self.members.load().prepare(&self.wants, &self.name);
    }

    /// A route chooses by the endpoints that sessions name.
    pub fn want_places(&self) {
        self.wants.places.store(true, Ordering::SeqCst);
        self.members.load().prepare(&self.wants, &self.name);
    }

    /// A route chooses by [`Selection::Ewma`].
    pub fn want_measures(&self) {
        self.wants.measures.store(true, Ordering::Relaxed);
    }

    /// The endpoint whose turn it is, see [`Group::pick_by`].
    pub fn pick(&self, tried: &[SocketAddr]) -> Option<Arc<Target>> {
        self.pick_by(Selection::RoundRobin, tried, Probing::LongDue)
    }

    /// An endpoint that was not `tried` and that answers, as far as is known; when there is no such one, one that was not
    /// tried, and when all were, any. `None` when there are no endpoints. Takes no lock and allocates nothing.
    pub fn pick_by(
        &self,
        selection: Selection,
        tried: &[SocketAddr],
        probing: Probing,
    ) -> Option<Arc<Target>> {
        let members = self.members.load();
        match selection {
            Selection::RoundRobin => members.in_turn(tried, probing),
            Selection::Ewma => ewma::pick(&members.targets, tried, probing)
                .cloned()
                .or_else(|| members.in_turn(tried, probing)),
            Selection::Hash(key, subset) => members.ring().pick(&key.to_be_bytes(), subset, tried, probing),
            Selection::Service => members.service.clone(),
        }
    }

    /// The endpoint of a session. One that has none yet, or whose endpoint is gone, gets a place; so does one whose
    /// endpoint fails, where that is allowed. Else its tries stay where it is, whatever happens.
    pub fn pick_for(
        &self,
        session: &mut Session,
        selection: Selection,
        tried: &[SocketAddr],
        probing: Probing,
    ) -> Option<Arc<Target>> {
        let members = self.members.load();
        let of = |place: &Tag| match session.mode {
            AffinityMode::Balanced => members.ring().of(place),
            AffinityMode::Persistent => members.of_place(place, &self.name),
        };
        if let Some(target) = session.place.as_ref().and_then(of) {
            let stays = !session.change_on_failure && !session.fresh;
            if stays || !tried.contains(&target.address) && target.health.usable(probing) {
                return Some(target);
            }
        }
        session.fresh = true;
        if session.mode == AffinityMode::Persistent {
            let target = self.pick_by(selection, tried, probing)?;
            session.place = Some(*target.tag(&self.name));
            return Some(target);
        }
        let mut drawn = None;
        for _ in 0..DRAWS {
            let place = session::any_place();
            let target = members.ring().of(&place)?;
            let good = !tried.contains(&target.address) && target.health.usable(probing);
            session.place = Some(place);
            drawn = Some(target);
            if good {
                break;
            }
        }
        drawn
    }

    /// Notes that an endpoint did not answer a request, and leaves it out when that was one time too many: at most half of
    /// the endpoints, and never all.
    #[cold]
    pub fn failed(&self, target: &Target, why: &'static str) {
        let members = self.members.load();
        if let Some(pause) = target.health.failed(|| members.may_do_without_another()) {
            self.ejections.fetch_add(1, Ordering::Relaxed);
            // Not more often than the pauses, which grow.
            tracing::warn!(
                upstream = self.name(),
                endpoint = &*target.name,
                why,
                seconds = pause.as_secs(),
                "an endpoint does not answer and is left out"
            );
        }
    }

    /// Notes that an endpoint answered.
    pub fn answered(&self, target: &Target) {
        if target.health.succeeded() {
            tracing::info!(upstream = self.name(), endpoint = &*target.name, "an endpoint answers again");
        }
    }

    /// Replaces the endpoints. One that was there before with the same target keeps its state.
    pub(crate) fn set(&self, protocol: Protocol, service: Option<SocketAddr>, endpoints: &[Endpoint]) {
        let before = self.members.load();
        let targets = before.renewed(protocol, endpoints);
        let service = service.map(|address| before.renewed_service(protocol, address));
        let members = Members::new(protocol, targets, service, &self.turn);
        members.prepare(&self.wants, &self.name);
        self.members.store(Arc::new(members));
    }
}

#[cfg(test)]
mod tests;
