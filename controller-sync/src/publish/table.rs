//! The state that all gateways are to have, and where each of them stands.
//!
//! One short lock guards it. A connecting gateway takes the state and its place in the queue of differences in one
//! step, so that it neither misses a difference nor gets one twice.

use super::Limits;
use crate::metrics::Metrics;
use crate::translate::Change;
use ingora_config::{Key, Resource};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// A gateway that takes revisions and never says that it serves one is cut after so many.
const MAX_UNACKED: usize = 4096;

/// One revision's difference.
pub(super) struct Publication {
    pub(super) revision: u64,
    pub(super) changes: Vec<Change>,
}

/// The whole state at one revision.
pub(super) struct FullState {
    pub(super) revision: u64,
    pub(super) resources: Arc<BTreeMap<Key, Arc<Resource>>>,
}

/// What a connection works with after it has joined.
pub(super) struct Seat {
    pub(super) full: FullState,
    pub(super) queue: mpsc::Receiver<Arc<Publication>>,
    /// Resolves when the gateway is cut.
    pub(super) cut: oneshot::Receiver<&'static str>,
}

/// Where one gateway stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// The last revision it said it serves; 0 before the first.
    pub acked: u64,
    /// How long the oldest revision that it has not acknowledged has waited for it.
    pub behind: Option<Duration>,
}

/// Where all of them stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The last revision published; 0 before the first.
    pub revision: u64,
    /// The connected gateways that have been sent something.
    pub gateways: Vec<Gateway>,
}

pub(super) struct Table {
    pub(super) limits: Limits,
    pub(super) metrics: Arc<Metrics>,
    state: Mutex<State>,
    /// Turns true with the first publication.
    published: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    revision: u64,
    resources: Arc<BTreeMap<Key, Arc<Resource>>>,
    peers: BTreeMap<u64, Peer>,
    connections: usize,
    next_peer: u64,
}

struct Peer {
    queue: mpsc::Sender<Arc<Publication>>,
    cut: Option<oneshot::Sender<&'static str>>,
    acked: u64,
    sent: VecDeque<Sent>,
}

struct Sent {
    revision: u64,
    since: Instant,
    full: bool,
}

/// One connection, counted for as long as this lives.
pub(super) struct Guest {
    table: Arc<Table>,
    peer: Option<u64>,
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut state = self.table.lock();
        state.connections -= 1;
        if let Some(peer) = self.peer {
            state.peers.remove(&peer);
        }
        self.table.count(&state);
    }
}

impl Table {
    pub(super) fn new(limits: Limits, metrics: Arc<Metrics>) -> Self {
        Self { limits, metrics, state: Mutex::default(), published: watch::Sender::new(false) }
    }

    // Nothing below panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, state: &State) {
        self.metrics.gateways.set(i64::try_from(state.peers.len()).unwrap_or(i64::MAX));
    }

    pub(super) fn connections(&self) -> usize {
        self.lock().connections
    }

    pub(super) fn arrive(self: &Arc<Self>) -> Guest {
        self.lock().connections += 1;
        Guest { table: Arc::clone(self), peer: None }
    }

    pub(super) fn publish(&self, changes: Vec<Change>, since: Instant) -> u64 {
        let mut state = self.lock();
        // A copy of the map only while a full state of it is being sent.
        let resources = Arc::make_mut(&mut state.resources);
        for change in &changes {
            match change {
                Change::Upsert(resource) => resources.insert(resource.key(), Arc::clone(resource)),
                Change::Remove(key) => resources.remove(key),
            };
        }
        state.revision += 1;
        let revision = state.revision;
        let publication = Arc::new(Publication { revision, changes });
        for peer in state.peers.values_mut() {
            peer.sent.push_back(Sent { revision, since, full: false });
            if peer.queue.try_send(Arc::clone(&publication)).is_err() {
                peer.cut("it does not take its data in time");
            } else if peer.sent.len() > MAX_UNACKED {
                peer.cut("it does not acknowledge what it gets");
            }
        }
        drop(state);
        self.metrics.revision.set(i64::try_from(revision).unwrap_or(i64::MAX));
        self.metrics.publications.inc();
        self.published.send_replace(true);
        revision
    }

    /// Resolves when there is something to send.
    pub(super) async fn published(&self) {
        // The sender lives in self, so the wait cannot fail.
        let _ = self.published.subscribe().wait_for(|published| *published).await;
    }

    /// Gives a connection the state as it is and the differences from there on.
    pub(super) fn join(&self, guest: &mut Guest) -> Seat {
        let (queue, receiver) = mpsc::channel(self.limits.queue);
        let (cut, on_cut) = oneshot::channel();
        let mut state = self.lock();
        let revision = state.revision;
        let sent = VecDeque::from([Sent { revision, since: Instant::now(), full: true }]);
        let id = state.next_peer;
        state.next_peer += 1;
        state.peers.insert(id, Peer { queue, cut: Some(cut), acked: 0, sent });
        guest.peer = Some(id);
        self.count(&state);
        let full = FullState { revision, resources: Arc::clone(&state.resources) };
        Seat { full, queue: receiver, cut: on_cut }
    }

    /// Notes that a gateway serves a revision. Says whether it can be true; `Some(true)` when it is its first.
    pub(super) fn ack(&self, guest: &Guest, revision: u64) -> Option<bool> {
        let mut state = self.lock();
        let current = state.revision;
        let peer = guest.peer.and_then(|peer| state.peers.get_mut(&peer))?;
        if revision > current || revision < peer.acked {
            return None;
        }
        let first = peer.acked == 0;
        peer.acked = revision;
        while peer.sent.front().is_some_and(|sent| sent.revision <= revision) {
            // A full state says how long a gateway was away, not how long a change takes.
            if let Some(Sent { since, full: false, .. }) = peer.sent.pop_front() {
                self.metrics.ack_seconds.observe(since.elapsed().as_secs_f64());
            }
        }
        Some(first)
    }

    pub(super) fn standing(&self) -> Standing {
        let state = self.lock();
        let gateways = state.peers.values().map(|peer| Gateway {
            acked: peer.acked,
            behind: peer.sent.front().map(|sent| sent.since.elapsed()),
        });
        Standing { revision: state.revision, gateways: gateways.collect() }
    }
}

impl Peer {
    fn cut(&mut self, why: &'static str) {
        if let Some(cut) = self.cut.take() {
            // The connection may have ended by itself in this moment.
            let _ = cut.send(why);
        }
    }
}
