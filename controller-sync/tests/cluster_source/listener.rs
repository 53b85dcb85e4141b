//! A source in front of the API server of `server.rs`, and whoever listens to it.

use super::PATIENCE;
use super::server::Server;
use ingora_config::{Problem, Reason};
use ingora_controller_sync::metrics::Metrics;
use ingora_controller_sync::object::Object;
use ingora_controller_sync::source::cluster::client::{ClientOptions, client};
use ingora_controller_sync::source::cluster::{Following, Options, Timing, follow};
use ingora_controller_sync::source::{Batch, Event, channel};
use ingora_controller_sync::store;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::mpsc;

/// The clocks of the source, turned faster.
fn fast() -> Timing {
    Timing {
        answer: Duration::from_millis(1500),
        pause: Duration::from_millis(1500),
        watch: Duration::from_secs(1),
        grace: Duration::from_secs(1),
        shortest_backoff: Duration::from_millis(10),
        longest_backoff: Duration::from_millis(100),
        outage: Duration::from_secs(3600),
        confirm: Duration::from_millis(50),
    }
}

/// A source, and what it has said so far.
pub(super) struct Listener {
    pub(super) following: Following,
    batches: mpsc::Receiver<Batch>,
    pub(super) metrics: Metrics,
    pub(super) objects: BTreeMap<String, Object>,
    pub(super) problems: BTreeMap<String, Vec<Problem>>,
    pub(super) answered: BTreeSet<String>,
    pub(super) ready: usize,
    /// The objects each batch changed.
    pub(super) log: Vec<Vec<String>>,
}

impl Listener {
    pub(super) async fn start(server: &Server) -> Self {
        Self::with(server, store::Options::default(), None).await
    }

    pub(super) async fn with(server: &Server, store: store::Options, selector: Option<&str>) -> Self {
        let options = ClientOptions { apiserver_host: Some(server.url()), kubeconfig: None };
        Self::to(options, store, selector).await
    }

    pub(super) async fn to(to: ClientOptions, store: store::Options, selector: Option<&str>) -> Self {
        Self::at(to, store, selector, fast()).await
    }

    pub(super) async fn at(
        to: ClientOptions,
        store: store::Options,
        selector: Option<&str>,
        timing: Timing,
    ) -> Self {
        let (sender, batches) = channel();
        let metrics = Metrics::default();
        let options = Options { namespace_selector: selector.map(str::to_owned), timing };
        let following = follow(client(&to).await.unwrap(), &store, &options, metrics.source.clone(), sender);
        Self {
            following,
            batches,
            metrics,
            objects: BTreeMap::new(),
            problems: BTreeMap::new(),
            answered: BTreeSet::new(),
            ready: 0,
            log: Vec::new(),
        }
    }

    /// Takes what comes until something holds.
    pub(super) async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !holds(self) {
            // Some conditions are about the server.
            let soon = tokio::time::Instant::now() + Duration::from_millis(10);
            match tokio::time::timeout_at(soon, self.batches.recv()).await {
                Ok(batch) => self.take(batch.expect("the source goes on")),
                Err(_) => assert!(
                    tokio::time::Instant::now() < deadline,
                    "{what} does not come; there are {:?} and {:?}",
                    self.objects.keys().take(20).collect::<Vec<_>>(),
                    self.problems
                ),
            }
        }
    }

    pub(super) fn take(&mut self, batch: Batch) {
        let mut changed = Vec::new();
        for event in batch {
            match event {
                Event::Apply(object, _) => {
                    let key = object.key().to_string();
                    changed.push(format!("+{key}"));
                    self.objects.insert(key, *object);
                }
                Event::Delete(key) => {
                    changed.push(format!("-{key}"));
                    assert!(self.objects.remove(&key.to_string()).is_some(), "{key} was never there");
                }
                Event::Problems { origin, problems } if problems.is_empty() => {
                    self.problems.remove(&origin);
                }
                Event::Problems { origin, problems } => drop(self.problems.insert(origin, problems)),
                Event::Ready => self.ready += 1,
                Event::Answered(key) => drop(self.answered.insert(key.to_string())),
            }
        }
        if !changed.is_empty() {
            self.log.push(changed);
        }
    }

    pub(super) async fn until_ready(&mut self) {
        self.until("readiness", |listener| listener.ready > 0).await;
    }

    pub(super) async fn until_there(&mut self, key: &str) {
        self.until(key, |listener| listener.objects.contains_key(key)).await;
    }

    /// Makes the API server go away, and waits until that is noticed.
    pub(super) async fn lose(&mut self, server: &Server) {
        server.down(true);
        self.until("the loss", |listener| {
            listener.metric("ingora_sync_source_connected{kind=\"Ingress\"} 0")
        })
        .await;
    }

    pub(super) fn metric(&self, line: &str) -> bool {
        self.metrics.text().lines().any(|there| there == line)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.objects.contains_key(key)
    }

    pub(super) fn reasons(&self) -> Vec<Reason> {
        self.problems.values().flatten().map(|problem| problem.reason).collect()
    }
}

/// A host of an Ingress that is held.
pub(super) fn host(listener: &Listener, key: &str) -> String {
    match &listener.objects[key] {
        Object::Ingress(ingress) => ingress.spec.rules[0].host.clone().unwrap(),
        other => panic!("{other:?}"),
    }
}
