//! The task that carries out the plan.

use super::plan::{Job, Plan};
use super::write::{Writer, Written};
use super::{News, StatusOptions};
use crate::leader::Leadership;
use crate::metrics::Metrics;
use crate::object::ingress::LoadBalancerIngress;
use crate::outputs::inbox::Inbox;
use crate::rate::TokenBucket;
use crate::replica::Replica;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// How many writes may be under way.
const AT_ONCE: usize = 8;

/// At the end of the process the rate is this many times higher, and this is how long it may take.
const HURRY: f64 = 10.0;
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(30);

/// How long the question whether somebody else serves may take.
const REPLICAS_LIMIT: Duration = Duration::from_secs(5);

pub(super) struct Keeper {
    writer: Writer,
    replica: Replica,
    options: StatusOptions,
    leadership: Leadership,
    inbox: Arc<Inbox<News>>,
    addresses: watch::Receiver<Option<Vec<LoadBalancerIngress>>>,
    metrics: Arc<Metrics>,
    plan: Plan,
    leading: bool,
    bucket: TokenBucket,
    jobs: JoinSet<(Job, Written)>,
    /// Failures since the last success: the first one is worth a warning.
    failures: u64,
}

impl Keeper {
    #[allow(clippy::too_many_arguments, reason = "it is made in one place")]
    pub(super) fn new(
        writer: Writer,
        replica: Replica,
        options: StatusOptions,
        leadership: Leadership,
        inbox: Arc<Inbox<News>>,
        addresses: watch::Receiver<Option<Vec<LoadBalancerIngress>>>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let rate = f64::from(options.rate.max(1));
        Self {
            writer,
            replica,
            options,
            leadership,
            inbox,
            addresses,
            metrics,
            plan: Plan::default(),
            leading: false,
            bucket: TokenBucket::new(rate, rate * 5.0),
            jobs: JoinSet::new(),
            failures: 0,
        }
    }

    pub(super) async fn run(mut self, mut end: mpsc::Receiver<oneshot::Sender<()>>) {
        loop {
            let wake = self.dispatch();
            tokio::select! {
                done = end.recv() => {
                    self.shutdown().await;
                    // Whoever asked may have stopped waiting.
                    let _ = done.map(|done| done.send(()));
                    return;
                }
                () = self.step(wake) => {}
            }
        }
    }

    /// Waits for anything that may change what is to be done, and takes it in.
    async fn step(&mut self, wake: Option<Instant>) {
        let far = Instant::now() + Duration::from_secs(3600);
        tokio::select! {
            biased;
            () = self.leadership.until(!self.leading) => self.turn(),
            Ok(()) = self.addresses.changed() => {
                let addresses = self.addresses.borrow_and_update().clone();
                self.plan.set(addresses);
            }
            news = self.inbox.take() => {
                for (id, fate) in news {
                    self.plan.see(id, fate);
                }
            }
            Some(finished) = self.jobs.join_next() => {
                // A write neither panics nor is it aborted while we live.
                if let Ok((job, written)) = finished {
                    self.finished(job, written);
                }
            }
            () = sleep_until(wake.unwrap_or(far)), if wake.is_some() => {}
        }
    }

    fn turn(&mut self) {
        self.leading = !self.leading;
        self.plan.lead(self.leading);
    }

    /// Starts what is due; answers when to look again.
    fn dispatch(&mut self) -> Option<Instant> {
        let wake = loop {
            let wake = self.plan.wake();
            let due = wake.is_some_and(|wake| wake <= Instant::now());
            // The clock is asked right before each write: the term may have ended since the last event.
            if !due || !self.leadership.leads() {
                break wake;
            }
            if self.jobs.len() >= AT_ONCE {
                break None;
            }
            let ready = self.bucket.ready_at();
            if ready > Instant::now() {
                break Some(ready);
            }
            let Some(job) = self.plan.next() else { continue };
            self.bucket.take();
            let writer = self.writer.clone();
            self.jobs.spawn(async move {
                let written = writer.write(&job.id, &job.version, &job.addresses).await;
                (job, written)
            });
        };
        let pending = self.plan.pending() + self.jobs.len();
        self.metrics.outputs.status_pending.set(i64::try_from(pending).unwrap_or(i64::MAX));
        wake
    }

    fn finished(&mut self, job: Job, written: Written) {
        match written {
            Written::Done(version) => {
                tracing::debug!(ingress = %job.id, "status written");
                self.metrics.outputs.status_writes.inc();
                self.failures = 0;
                self.plan.done(job, version);
            }
            Written::Gone => self.plan.gone(&job),
            Written::Outdated => self.plan.outdated(&job),
            Written::Refused(why) => self.failed(&job, true, &why),
            Written::Failed(why) => self.failed(&job, false, &why),
        }
    }

    fn failed(&mut self, job: &Job, slowly: bool, why: &str) {
        self.metrics.outputs.status_failures.inc();
        self.failures += 1;
        // One line for an outage, not one for every Ingress.
        if self.failures == 1 {
            tracing::warn!(ingress = %job.id, "the status cannot be written, it is tried again: {why}");
        } else {
            tracing::debug!(ingress = %job.id, "the status cannot be written, it is tried again: {why}");
        }
        self.plan.failed(job, slowly);
    }

    /// Removes our addresses if nobody is left who serves, and waits for the writes that are under way.
    async fn shutdown(&mut self) {
        let limit = Instant::now() + SHUTDOWN_LIMIT;
        if self.leading != self.leadership.leads() {
            self.turn();
        }
        if self.options.remove_on_shutdown && self.leadership.leads() && self.is_last().await {
            let rate = f64::from(self.options.rate.max(1)) * HURRY;
            self.bucket = TokenBucket::new(rate, rate);
            // What waits in the inbox came before the end and counts.
            self.inbox.change(|_| ());
            for (id, fate) in self.inbox.take().await {
                self.plan.see(id, fate);
            }
            self.plan.set(Some(Vec::new()));
            tracing::info!(
                ingresses = self.plan.pending(),
                "removing our addresses from the status of Ingresses"
            );
            // From here on the addresses are what we say, whatever a last look found.
            self.addresses = watch::channel(None).1;
        } else {
            self.plan.lead(false);
        }
        loop {
            let wake = self.dispatch();
            let idle = self.plan.pending() == 0 && self.jobs.is_empty();
            if idle || Instant::now() >= limit || !self.leadership.leads() {
                break;
            }
            let step = self.step(Some(wake.unwrap_or(limit).min(limit)));
            tokio::select! {
                () = step => {}
                () = sleep_until(limit) => {}
            }
        }
        let left = self.plan.pending();
        if left > 0 {
            tracing::warn!("{left} Ingresses keep our addresses in their status");
        }
    }

    async fn is_last(&self) -> bool {
        let others = self.replica.others_serve(&self.writer.client);
        match timeout(REPLICAS_LIMIT, others).await {
            Ok(Ok(false)) => true,
            Ok(Ok(true)) => {
                tracing::info!("the status of Ingresses is left to another replica");
                false
            }
            Ok(Err(error)) => {
                tracing::warn!("the status of Ingresses stays: other replicas cannot be looked up: {error}");
                false
            }
            Err(_) => {
                tracing::warn!("the status of Ingresses stays: the API server does not answer");
                false
            }
        }
    }
}
