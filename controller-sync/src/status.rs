//! The status of our Ingresses: `status.loadBalancer.ingress` says where they can be reached.
//!
//! ```text
//!   flag, Service or nodes ─ lookup ─ steady ─▶ addresses ─┐
//!   translate ─ Sighting ─▶ inbox ─────────────────────────┼─▶ keeper ─ plan ─▶ PATCH …/status
//!   leader ─ Leadership ───────────────────────────────────┘
//! ```
//!
//! Only the leader writes, only what differs, never more per second than it was told, and every write names the version it
//! is based on: an Ingress that somebody else changed meanwhile is looked at again before it is written. An Ingress that
//! stops being ours loses our addresses if nobody replaced them.

use crate::leader::Leadership;
use crate::metrics::Metrics;
use crate::outputs::inbox::Inbox;
use crate::replica::Replica;
use crate::translate::{Fate, Sighting};
use ingora_config::NamespacedName;
use kube::Client;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

mod address;
mod follow;
mod keeper;
mod lookup;
mod plan;
mod steady;
mod write;

pub use address::NotAnAddress;
pub use lookup::Origin;
pub(crate) use write::FIELD_MANAGER;

/// What the status is made of and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusOptions {
    /// `--publish-status-address`, `--publish-service`, or neither.
    pub origin: Origin,
    /// `--report-node-internal-ip-address`.
    pub internal: bool,
    /// `--status-update-interval`: from one look at the origin to the next.
    pub interval: Duration,
    /// `--status-update-rate`: writes per second; five times as many at once.
    pub rate: u32,
    /// `--update-status-on-shutdown`.
    pub remove_on_shutdown: bool,
}

/// The newest sighting of every Ingress that was seen since the last look into the inbox.
pub(crate) type News = HashMap<NamespacedName, Fate>;

/// The running writer.
pub(crate) struct Status {
    inbox: Arc<Inbox<News>>,
    end: mpsc::Sender<oneshot::Sender<()>>,
    keeper: JoinHandle<()>,
    follower: JoinHandle<()>,
}

impl Status {
    /// Starts writing, as soon as this replica leads.
    pub(crate) fn start(
        client: Client,
        replica: Replica,
        options: StatusOptions,
        leadership: Leadership,
        write_limit: Duration,
        metrics: Arc<Metrics>,
    ) -> Self {
        let inbox = Arc::new(Inbox::default());
        let (end, ended) = mpsc::channel(1);
        let (known, addresses) = watch::channel(None);
        let looks = lookup::Lookup {
            client: client.clone(),
            replica: replica.clone(),
            origin: options.origin.clone(),
            internal: options.internal,
            nodes: HashMap::new(),
        };
        let follower = tokio::spawn(follow::follow(looks, options.interval, leadership.clone(), known));
        let keeper = keeper::Keeper::new(
            write::Writer { client: client.clone(), limit: write_limit },
            replica,
            options,
            leadership,
            Arc::clone(&inbox),
            addresses,
            metrics,
        );
        Self { inbox, end, keeper: tokio::spawn(keeper.run(ended)), follower }
    }

    /// The way to hand over news.
    pub(crate) fn inbox(&self) -> Arc<Inbox<News>> {
        Arc::clone(&self.inbox)
    }

    /// Removes our addresses, if that is wanted and nobody else serves, and ends.
    pub(crate) async fn shutdown(self) {
        let (done, ended) = oneshot::channel();
        if self.end.send(done).await.is_ok() {
            // When the keeper is gone there is nothing to wait for.
            let _ = ended.await;
        }
        self.keeper.abort();
        self.follower.abort();
    }
}

/// Hands over what was seen; never waits.
pub(crate) fn seen(inbox: &Inbox<News>, sightings: &[Sighting]) {
    inbox.change(|news| {
        for Sighting { id, fate } in sightings {
            news.insert(id.clone(), fate.clone());
        }
    });
}

#[cfg(test)]
mod tests;
