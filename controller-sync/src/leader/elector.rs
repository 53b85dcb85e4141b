//! The loop of one candidate: acquire, renew, give back.

use super::lease::{self, Identity};
use super::{Term, Timing};
use crate::jitter;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::PostParams;
use prometheus_client::metrics::gauge::Gauge;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// How long giving the Lease back may take.
const RELEASE_LIMIT: Duration = Duration::from_secs(3);

/// Attempts of a candidate are up to this much further apart than those of a leader, so that candidates do not meet.
const JITTER: f64 = 1.2;

/// A running candidate. Dropped without [`Elector::release`], it gives the Lease back in the background.
pub struct Elector {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Elector {
    pub(super) fn start(api: Api<Lease>, identity: Identity, timing: Timing, voice: Voice) -> Self {
        let (end, ended) = oneshot::channel();
        let candidate =
            Candidate { api, identity, timing, voice, observed: None, until: None, complained: false };
        Self { end, task: tokio::spawn(candidate.run(ended)) }
    }

    /// Stops leading at once and gives the Lease back, if it is ours.
    pub async fn release(self) {
        // A candidate that is gone already has nothing to give back.
        let _ = self.end.send(());
        let _ = self.task.await;
    }
}

/// How the world learns who leads.
pub(super) struct Voice {
    term: watch::Sender<Term>,
    gauges: [Gauge; 2],
}

impl Voice {
    pub(super) fn new(term: watch::Sender<Term>, gauges: [Gauge; 2]) -> Self {
        Self { term, gauges }
    }

    fn say(&self, term: Term) {
        let leads = i64::from(term != Term::Following);
        for gauge in &self.gauges {
            gauge.set(leads);
        }
        self.term.send_replace(term);
    }
}

/// What an attempt came to.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The Lease is ours.
    Held,
    /// Somebody else's.
    Theirs,
    /// Somebody wrote in between; the next attempt reads again.
    Conflict,
}

struct Observed {
    lease: Lease,
    /// When its record was first seen, on our clock.
    at: Instant,
}

struct Candidate {
    api: Api<Lease>,
    identity: Identity,
    timing: Timing,
    voice: Voice,
    observed: Option<Observed>,
    /// The end of our term, while we lead.
    until: Option<Instant>,
    /// Whether it was logged that our role is too small, and nothing worked since.
    complained: bool,
}

impl Candidate {
    async fn run(mut self, mut end: oneshot::Receiver<()>) {
        loop {
            tokio::select! {
                biased;
                _ = &mut end => break,
                () = self.round() => {}
            }
        }
        self.voice.say(Term::Following);
        self.release().await;
    }

    /// One attempt and the pause behind it.
    async fn round(&mut self) {
        let started = Instant::now();
        let limit = self.attempt_limit(started);
        match timeout(limit, self.attempt()).await {
            Ok(Ok(Outcome::Held)) => self.lead(started + self.timing.renew_deadline),
            Ok(Ok(Outcome::Theirs)) => {
                self.complained = false;
                self.follow("another replica holds the Lease");
            }
            Ok(Ok(Outcome::Conflict)) => self.unsure("somebody else wrote the Lease"),
            Ok(Err(error)) => {
                self.complain(&error);
                self.unsure(&error.to_string());
            }
            Err(_) => self.unsure("the API server does not answer"),
        }
        let retry = self.timing.retry;
        let pause = match self.until {
            Some(until) => (Instant::now() + retry).min(until.max(started + retry / 2)),
            None => Instant::now() + retry.mul_f64(1.0 + JITTER * jitter::fraction()),
        };
        tokio::time::sleep_until(pause).await;
    }

    /// A request that hangs must leave time for others before the term ends.
    fn attempt_limit(&self, now: Instant) -> Duration {
        let quarter = self.timing.renew_deadline / 4;
        match self.until {
            Some(until) if until > now => quarter.min(until - now),
            _ => quarter,
        }
    }

    /// A role that is too small stays so until somebody learns of it.
    fn complain(&mut self, error: &kube::Error) {
        let kube::Error::Api(status) = error else { return };
        if status.code == 403 && !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(
                lease = %self.identity.name,
                "this replica cannot lead, and writes neither status nor Events: {}; the rules are in the chart, templates/rbac.yaml",
                status.message
            );
        }
    }

    fn lead(&mut self, until: Instant) {
        self.complained = false;
        if self.until.replace(until).is_none() {
            tracing::info!(lease = %self.identity.name, identity = %self.identity.holder, "leading: this replica writes status and Events");
        }
        self.voice.say(Term::Leading(until));
    }

    fn follow(&mut self, why: &str) {
        if self.until.take().is_some() {
            tracing::warn!(lease = %self.identity.name, "not leading any more: {why}");
        }
        self.voice.say(Term::Following);
    }

    /// An attempt failed. A leader still is one until its term ends.
    fn unsure(&mut self, why: &str) {
        tracing::debug!(lease = %self.identity.name, "an attempt to hold the Lease failed: {why}");
        if self.until.is_none_or(|until| until <= Instant::now()) {
            self.follow(why);
        }
    }

    async fn attempt(&mut self) -> Result<Outcome, kube::Error> {
        // A leader knows what it wrote last: one request.
        if self.until.is_some()
            && let Some(observed) =
                self.observed.as_ref().filter(|observed| self.identity.holds(&observed.lease))
        {
            let renewed = self.identity.hold(&observed.lease);
            match self.replace(&renewed).await {
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
                other => return other.map(|()| Outcome::Held),
            }
        }
        let Some(found) = self.api.get_opt(&self.identity.name).await? else {
            let created = self.api.create(&PostParams::default(), &self.identity.first()).await;
            return self.outcome(created);
        };
        self.observe(found);
        let Some(observed) = &self.observed else { return Ok(Outcome::Conflict) };
        let ours = self.identity.holds(&observed.lease);
        let held = lease::holder(&observed.lease).is_some();
        if held && !ours && Instant::now() < observed.at + lease::duration(&observed.lease, self.timing.lease)
        {
            return Ok(Outcome::Theirs);
        }
        let taken = self.identity.hold(&observed.lease);
        let replaced = self.api.replace(&self.identity.name, &PostParams::default(), &taken).await;
        self.outcome(replaced)
    }

    fn outcome(&mut self, written: kube::Result<Lease>) -> kube::Result<Outcome> {
        match written {
            Ok(lease) => {
                self.observe(lease);
                Ok(Outcome::Held)
            }
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(Outcome::Conflict),
            Err(error) => Err(error),
        }
    }

    async fn replace(&mut self, lease: &Lease) -> kube::Result<()> {
        let written = self.api.replace(&self.identity.name, &PostParams::default(), lease).await?;
        self.observe(written);
        Ok(())
    }

    /// Notes what the Lease says. Its time starts anew only when that changed: the times in it are of another clock.
    fn observe(&mut self, lease: Lease) {
        match &mut self.observed {
            Some(observed) if observed.lease.spec == lease.spec => observed.lease = lease,
            observed => *observed = Some(Observed { lease, at: Instant::now() }),
        }
    }

    async fn release(&mut self) {
        if self.until.is_none() {
            return;
        }
        let Some(observed) = self.observed.as_ref().filter(|observed| self.identity.holds(&observed.lease))
        else {
            return;
        };
        let released = self.identity.release(&observed.lease);
        let parameters = PostParams::default();
        let written = self.api.replace(&self.identity.name, &parameters, &released);
        match timeout(RELEASE_LIMIT, written).await {
            Ok(Ok(_)) => tracing::info!(lease = %self.identity.name, "the Lease is given back"),
            Ok(Err(error)) => {
                tracing::warn!(lease = %self.identity.name, "the Lease runs out by itself: {error}")
            }
            Err(_) => {
                tracing::warn!(lease = %self.identity.name, "the Lease runs out by itself: the API server does not answer")
            }
        }
    }
}
