//! The cluster source: a Kubernetes API server, listed once and then watched.
//!
//! ```text
//!   selection  what to ask for ──▶ follower  one task each ──▶ outlet ─ Batch ─▶ the loop
//!   references what else is named ─▶   │ list, watch, lines, decode      │
//!   namespaces (a selector) ──gate──▶  │ ledger   what the store was told│ Ready: all have been listed
//!   client     credentials ──▶ api ──▶ │ timing   pauses, deadlines      │
//!                                      └ standing metrics, log
//! ```
//!
//! Nothing that the API server does or fails to do ends it, and no failure takes back what it has delivered. kube
//! brings address, credentials and connection; lists and watches are our own, because what happens when they fail is
//! the point here: kube's watcher hides most of it.

use crate::metrics::source::SourceMetrics;
use crate::object::ObjectKey;
use crate::source::{Batch, Event};
use crate::store;
use api::Api;
use follower::{First, Follower, Shared};
use kube::Client;
use outlet::Outlet;
use selection::Selection;
use standing::Standing;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

mod api;
pub mod client;
mod decode;
mod follower;
mod ledger;
mod lines;
mod list;
mod outlet;
mod read_once;
mod selection;
mod standing;
mod timing;
mod watch_stream;

pub use read_once::{ListError, read_once};
pub use timing::Timing;

/// The most objects that are followed because something names them. Each is a connection of its own.
const MAX_REFERENCES: usize = 1024;

/// What the cluster source is told besides the options of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `--watch-namespace-selector`: only Ingresses in namespaces with these labels, in the syntax of Kubernetes.
    pub namespace_selector: Option<String>,
    /// Its clocks.
    pub timing: Timing,
}

/// A running cluster source; it ends when this is dropped.
#[derive(Debug)]
pub struct Following {
    wanted: watch::Sender<BTreeSet<ObjectKey>>,
    supervisor: AbortHandle,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

impl Following {
    /// These objects are named by others and have to be followed, too; those of the last call that are not among them
    /// not any more. The answer is which of them are new: [`Event::Answered`] tells for each of those when it has been
    /// looked for.
    pub fn refer(&self, wanted: BTreeSet<ObjectKey>) -> Vec<ObjectKey> {
        let new = wanted.difference(&self.wanted.borrow()).cloned().collect();
        self.wanted.send_if_modified(|old| std::mem::replace(old, wanted.clone()) != wanted);
        new
    }
}

/// Starts following. [`Event::Ready`] comes when every kind has been listed.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn follow(
    client: Client,
    store: &store::Options,
    options: &Options,
    metrics: SourceMetrics,
    batches: mpsc::Sender<Batch>,
) -> Following {
    let selections = Selection::all(store);
    let selector = options.namespace_selector.clone().filter(|selector| !selector.is_empty());
    let pending = selections.len() + usize::from(selector.is_some());
    let shared = Shared {
        api: Api::new(client, options.timing),
        outlet: Arc::new(Outlet::new(batches, pending)),
        standing: Arc::new(Standing::new(metrics)),
        streaming: Arc::new(AtomicBool::new(true)),
    };
    let (wanted, receiver) = watch::channel(BTreeSet::new());
    let supervisor =
        Supervisor { shared, store: store.clone(), all: JoinSet::new(), referenced: BTreeMap::new() };
    let task = tokio::spawn(supervisor.run(selections, selector, receiver));
    Following { wanted, supervisor: task.abort_handle() }
}

/// Starts and ends followers.
struct Supervisor {
    shared: Shared,
    store: store::Options,
    all: JoinSet<()>,
    referenced: BTreeMap<ObjectKey, oneshot::Sender<()>>,
}

impl Supervisor {
    /// Ends when a follower does, which only a defect makes it do: the channel closes, and the loop says so.
    async fn run(
        mut self,
        selections: Vec<Selection>,
        selector: Option<String>,
        mut wanted: watch::Receiver<BTreeSet<ObjectKey>>,
    ) {
        let gate = selector.map(|selector| {
            let (names, gate) = watch::channel(None);
            let selection = Selection::namespaces(&selector);
            let follower = Follower::new(self.shared.clone(), selection, First::Counts).telling(names);
            self.all.spawn(follower.run());
            gate
        });
        for selection in &selections {
            let follower = Follower::new(self.shared.clone(), selection.clone(), First::Counts);
            let follower = match &gate {
                Some(gate) if selection.is_of_ingresses() => follower.within(gate.clone()),
                _ => follower,
            };
            self.all.spawn(follower.run());
        }
        loop {
            tokio::select! {
                Some(ended) = self.all.join_next() => match ended {
                    Ok(()) => {}
                    Err(error) if error.is_cancelled() => {}
                    Err(_) => return,
                },
                changed = wanted.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let wanted = wanted.borrow_and_update().clone();
                    self.refer(wanted, &selections);
                }
            }
        }
    }

    fn refer(&mut self, wanted: BTreeSet<ObjectKey>, selections: &[Selection]) {
        // Dropping the sender is what ends a follower.
        self.referenced.retain(|key, _| wanted.contains(key));
        let mut left_out = 0;
        for key in wanted {
            if self.referenced.contains_key(&key) {
                continue;
            }
            if self.referenced.len() >= MAX_REFERENCES {
                left_out += 1;
                continue;
            }
            let (sender, unwanted) = oneshot::channel();
            let selection = Selection::referenced(&key, &self.store);
            match selection.filter(|selection| !selections.contains(selection)) {
                Some(selection) => {
                    let first = First::Answers(key.clone());
                    let follower = Follower::new(self.shared.clone(), selection, first);
                    self.all.spawn(follower.run_until(unwanted));
                }
                // It is among what is followed anyway.
                None => {
                    let (outlet, key) = (Arc::clone(&self.shared.outlet), key.clone());
                    self.all.spawn(async move { drop(outlet.send(vec![Event::Answered(key)]).await) });
                }
            }
            self.referenced.insert(key, sender);
        }
        if left_out > 0 {
            tracing::warn!(
                "{left_out} Secrets or ConfigMaps that others name are not looked for, because {MAX_REFERENCES} are already"
            );
        }
    }
}
