//! Round robin as a selection of `pingora-load-balancing`.
//!
//! The one that comes with the crate starts anew with every change of members and counts tries as turns; this one
//! goes on where it was, and looks at each member at most once per request.

use pingora_load_balancing::Backend;
use pingora_load_balancing::selection::{BackendIter, BackendSelection};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Whose turn it is, shared by all generations of a group's members.
pub type Counter = Arc<AtomicUsize>;

/// Each member in its turn.
#[derive(Debug)]
pub struct RoundRobin {
    backends: Box<[Backend]>,
    turn: Counter,
}

/// The members in the order in which one request should try them.
pub struct Turns {
    selection: Arc<RoundRobin>,
    next: usize,
    left: usize,
}

impl RoundRobin {
    /// All members.
    pub(super) fn backends(&self) -> &[Backend] {
        &self.backends
    }

    /// The turns of members that were passed over are used up: else the one behind them would get them all.
    pub(super) fn pass(&self, turns: usize) {
        self.turn.fetch_add(turns, Ordering::Relaxed);
    }
}

impl BackendSelection for RoundRobin {
    type Iter = Turns;
    type Config = Counter;

    fn build(backends: &BTreeSet<Backend>) -> Self {
        Self::build_with_config(backends, &Counter::default())
    }

    fn build_with_config(backends: &BTreeSet<Backend>, turn: &Counter) -> Self {
        Self { backends: backends.iter().cloned().collect(), turn: Arc::clone(turn) }
    }

    fn iter(self: &Arc<Self>, _key: &[u8]) -> Turns {
        let left = self.backends.len();
        // Wraps around after 2^64 requests.
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        Turns { next: turn.checked_rem(left).unwrap_or(0), left, selection: Arc::clone(self) }
    }
}

impl BackendIter for Turns {
    fn next(&mut self) -> Option<&Backend> {
        self.left = self.left.checked_sub(1)?;
        let backend = self.selection.backends.get(self.next);
        self.next = (self.next + 1) % self.selection.backends.len();
        backend
    }
}
