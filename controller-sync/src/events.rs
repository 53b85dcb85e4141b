//! Events: every problem is told on the object it is about, where `kubectl describe` shows it.
//!
//! ```text
//!   problem_log ─ came, went ─┐
//!   translate ─ Sighting ─────┼─▶ inbox ─▶ herald ─ book, spam ─▶ POST, PATCH events.k8s.io/v1
//!   leader ─ Leadership ──────┘
//! ```
//!
//! One thing that is wrong with one object is one Event object, whoever tells it and however often: its name is made from
//! what it says, and telling it again is a patch of its series. An object gets 25 Events at once and then one each five
//! minutes, as with client-go; whatever has to wait is told later if it is still true. When a problem goes, a Normal Event
//! says so. Only the leader tells.

use crate::leader::Leadership;
use crate::metrics::Metrics;
use crate::outputs::inbox::Inbox;
use crate::problem_log::Changes;
use crate::translate::{Fate, Sighting};
use ingora_config::{NamespacedName, Problem};
use kube::Client;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

mod book;
mod herald;
mod send;
mod spam;
mod tale;

/// How Events are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventOptions {
    /// Who tells: the name of our Pod or of the machine.
    pub instance: String,
    /// Also tell, once for each generation of an Ingress, that it is taken over (off with `--disable-sync-events`).
    pub sync_events: bool,
}

/// What waits to be looked at; what came and went meanwhile is in neither list.
#[derive(Default)]
pub(crate) struct News {
    came: BTreeSet<Problem>,
    went: BTreeSet<Problem>,
    seen: HashMap<NamespacedName, Fate>,
}

impl News {
    fn problems(&mut self, changes: &Changes) {
        for problem in &changes.solved {
            if !self.came.remove(problem) {
                self.went.insert(problem.clone());
            }
        }
        for problem in &changes.new {
            if !self.went.remove(problem) {
                self.came.insert(problem.clone());
            }
        }
    }

    fn see(&mut self, Sighting { id, fate }: &Sighting) {
        let mut fate = fate.clone();
        // That it was translated stays news until it is told.
        if let (Fate::Ours(_, translated), Some(Fate::Ours(_, true))) = (&mut fate, self.seen.get(id)) {
            *translated = true;
        }
        self.seen.insert(id.clone(), fate);
    }
}

/// The running teller.
pub(crate) struct Events {
    inbox: Arc<Inbox<News>>,
    herald: JoinHandle<()>,
}

impl Events {
    /// Starts telling, as soon as this replica leads.
    pub(crate) fn start(
        client: Client,
        options: EventOptions,
        leadership: Leadership,
        write_limit: Duration,
        metrics: Arc<Metrics>,
    ) -> Self {
        let inbox = Arc::new(Inbox::default());
        let sender = send::Sender::new(client, options.instance.clone(), write_limit);
        let herald = herald::Herald::new(sender, &options, leadership, Arc::clone(&inbox), metrics);
        Self { inbox, herald: tokio::spawn(herald.run()) }
    }

    /// The way to hand over news.
    pub(crate) fn inbox(&self) -> Arc<Inbox<News>> {
        Arc::clone(&self.inbox)
    }

    /// Ends. What waits is told by the next leader.
    pub(crate) fn end(self) {
        self.herald.abort();
    }
}

/// Hands over what was seen; never waits.
pub(crate) fn seen(inbox: &Inbox<News>, sightings: &[Sighting]) {
    inbox.change(|news| sightings.iter().for_each(|sighting| news.see(sighting)));
}

/// Hands over which problems came and went; never waits.
pub(crate) fn problems(inbox: &Inbox<News>, changes: &Changes) {
    inbox.change(|news| news.problems(changes));
}

#[cfg(test)]
mod tests;
