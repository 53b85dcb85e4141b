//! Outputs towards the cluster: status and Events, both only while this replica leads. Traffic depends on none of them; the
//! loop hands news over and goes on.
//!
//! ```text
//!   run.rs ─ sightings, problems ─▶ inboxes ─▶ status.rs, events.rs ─▶ API server
//!                                                  ▲ leader.rs
//! ```

use crate::events::{self, EventOptions, Events};
use crate::leader::{Election, Elector, Leadership, Timing};
use crate::metrics::Metrics;
use crate::problem_log::Changes;
use crate::replica::Replica;
use crate::status::{Status, StatusOptions};
use crate::translate::Sighting;
use crate::{jitter, status};
use inbox::Inbox;
use kube::Client;
use std::future::Future;
use std::sync::Arc;

pub(crate) mod inbox;

/// What the outputs were told by flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputOptions {
    /// The Lease and its clocks; `None` with `--disable-leader-election`.
    pub election: Option<ElectionOptions>,
    /// `--election-namespace`.
    pub namespace: Option<String>,
    /// The status; `None` with `--update-status=false`.
    pub status: Option<StatusOptions>,
    /// Without `--disable-sync-events`.
    pub sync_events: bool,
}

/// `--election-id` and `--election-ttl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElectionOptions {
    /// The name of the Lease.
    pub id: String,
    /// Its clocks.
    pub timing: Timing,
}

/// The outputs, or nothing when there is no cluster to write to.
#[derive(Default)]
pub struct Outputs {
    running: Option<Running>,
    status: Option<Arc<Inbox<status::News>>>,
    events: Option<Arc<Inbox<events::News>>>,
}

struct Running {
    status: Option<Status>,
    events: Events,
    elector: Option<Elector>,
}

impl Outputs {
    /// Without a cluster.
    pub fn none() -> Self {
        Self::default()
    }

    /// Takes part in the election and writes whatever waits whenever it leads.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(client: &Client, options: OutputOptions, metrics: &Arc<Metrics>) -> Self {
        let replica = Replica::find(options.namespace, client.default_namespace());
        Self::start_as(replica, client, options.election, options.status, options.sync_events, metrics)
    }

    fn start_as(
        replica: Replica,
        client: &Client,
        election: Option<ElectionOptions>,
        status: Option<StatusOptions>,
        sync_events: bool,
        metrics: &Arc<Metrics>,
    ) -> Self {
        let timing = election.as_ref().map_or_else(Timing::default, |election| election.timing);
        let (leadership, elector) = match election {
            None => {
                metrics.outputs.leader.set(1);
                (Leadership::alone(), None)
            }
            Some(ElectionOptions { id, timing }) => {
                let (client, namespace) = (client.clone(), replica.namespace.clone());
                // A restarted container has the name of the one before, and must not take its Lease for its own.
                let identity = format!("{}_{}", replica.name, jitter::suffix());
                let election = Election { client, namespace, name: id, identity, timing };
                let (leadership, elector) = election.run(metrics);
                (leadership, Some(elector))
            }
        };
        let limit = timing.write_limit();
        let events = EventOptions { instance: replica.name.clone(), sync_events };
        let events = Events::start(client.clone(), events, leadership.clone(), limit, Arc::clone(metrics));
        let status = status.map(|options| {
            Status::start(client.clone(), replica, options, leadership, limit, Arc::clone(metrics))
        });
        Self {
            status: status.as_ref().map(Status::inbox),
            events: Some(events.inbox()),
            running: Some(Running { status, events, elector }),
        }
    }

    /// Hands over the Ingresses that changed; never waits.
    pub fn seen(&self, sightings: &[Sighting]) {
        if sightings.is_empty() {
            return;
        }
        if let Some(inbox) = &self.status {
            status::seen(inbox, sightings);
        }
        if let Some(inbox) = &self.events {
            events::seen(inbox, sightings);
        }
    }

    /// Hands over which problems came and went; never waits.
    pub fn problems(&self, changes: &Changes) {
        if let Some(inbox) = &self.events
            && !changes.is_empty()
        {
            events::problems(inbox, changes);
        }
    }

    /// Ends the outputs: what has to be removed is removed, then the Lease is given back. Goes on taking what is handed
    /// over meanwhile, which a removal may need.
    pub fn end(&mut self) -> impl Future<Output = ()> + Send + 'static {
        let running = self.running.take();
        async move {
            let Some(Running { status, events, elector }) = running else { return };
            events.end();
            if let Some(status) = status {
                status.shutdown().await;
            }
            if let Some(elector) = elector {
                elector.release().await;
            }
        }
    }
}
