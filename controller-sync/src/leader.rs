//! Leader election on a Lease, with the semantics of client-go's `leaderelection`: of all replicas one writes status and
//! Events. Traffic never depends on it.
//!
//! ```text
//!   elector ── get, create, replace ──▶ Lease
//!      └─ Term ──▶ Leadership ──▶ status, events: "may I write now?"
//! ```
//!
//! Two clocks never meet: how long a Lease is still held is counted on the local clock, from when its record was last seen
//! to change. A leader that could not renew stops by itself before the Lease expires, even when the elector hangs:
//! [`Leadership::leads`] compares with the clock at every question. `leader/lease.rs` is the record, `leader/elector.rs` the loop.

use crate::metrics::Metrics;
use crate::metrics::outputs::LeaderLabel;
use kube::{Api, Client};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

mod elector;
mod lease;

pub use elector::Elector;

/// The clocks of an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long the Lease is held after a renewal, as the other replicas count it.
    pub lease: Duration,
    /// How long a leader may fail to renew before it stops being one; shorter than the lease.
    pub renew_deadline: Duration,
    /// From one attempt to the next.
    pub retry: Duration,
}

impl Timing {
    /// The clocks for `--election-ttl`: two thirds of it to renew, a fifteenth between attempts.
    pub fn of(lease: Duration) -> Self {
        Self { lease, renew_deadline: lease * 2 / 3, retry: lease / 15 }
    }

    /// How long a write of the leader may take, so that it ends before anybody else can lead.
    pub fn write_limit(&self) -> Duration {
        (self.lease.saturating_sub(self.renew_deadline) / 2).min(Duration::from_secs(5))
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::of(Duration::from_secs(30))
    }
}

/// Who takes part in which election.
pub struct Election {
    /// The way to the API server.
    pub client: Client,
    /// Where the Lease is.
    pub namespace: String,
    /// Its name: `--election-id`.
    pub name: String,
    /// Who we are; no two processes may ever say the same.
    pub identity: String,
    /// The clocks.
    pub timing: Timing,
}

impl Election {
    /// Takes part until [`Elector::release`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn run(self, metrics: &Metrics) -> (Leadership, Elector) {
        let gauges = [
            metrics.outputs.leader.clone(),
            metrics
                .outputs
                .leader_election_status
                .get_or_create(&LeaderLabel { name: self.name.clone() })
                .clone(),
        ];
        for gauge in &gauges {
            gauge.set(0);
        }
        let (term, leadership) = watch::channel(Term::Following);
        let api = Api::namespaced(self.client, &self.namespace);
        let identity =
            lease::Identity { name: self.name, holder: self.identity, duration: self.timing.lease };
        let elector = Elector::start(api, identity, self.timing, elector::Voice::new(term, gauges));
        (Leadership(leadership), elector)
    }
}

/// Whether this replica leads, and until when that is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Term {
    Following,
    /// Until the renew deadline of the last renewal.
    Leading(Instant),
    /// There is no election.
    Alone,
}

/// The question whether this replica may write.
#[derive(Clone)]
pub struct Leadership(watch::Receiver<Term>);

impl Leadership {
    /// Without an election (`--disable-leader-election`): always.
    pub fn alone() -> Self {
        Self(watch::channel(Term::Alone).1)
    }

    /// Whether this replica may write now.
    pub fn leads(&self) -> bool {
        match *self.0.borrow() {
            Term::Following => false,
            Term::Leading(until) => Instant::now() < until,
            Term::Alone => true,
        }
    }

    /// Waits until the answer is `leads`.
    pub async fn until(&mut self, leads: bool) {
        while self.leads() != leads {
            let end = match *self.0.borrow_and_update() {
                Term::Leading(until) if !leads => until,
                _ => Instant::now() + FAR,
            };
            tokio::select! {
                changed = self.0.changed() => if changed.is_err() {
                    // The elector is gone, and with it every renewal: what is left is the end of the term.
                    tokio::time::sleep_until(end).await;
                },
                () = tokio::time::sleep_until(end) => {}
            }
        }
    }
}

/// Gives and takes leadership in tests.
#[cfg(test)]
pub(crate) struct Throne(watch::Sender<Term>);

#[cfg(test)]
impl Throne {
    pub(crate) fn new() -> (Self, Leadership) {
        let (sender, leadership) = watch::channel(Term::Following);
        (Self(sender), Leadership(leadership))
    }

    pub(crate) fn lead(&mut self) {
        self.0.send_replace(Term::Alone);
    }
}

const FAR: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests;
