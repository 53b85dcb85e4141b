//! What is to be written, in which order, and when: no I/O in here.
//!
//! ```text
//!   fresh    an Ingress that just came or changed: first
//!   backlog  all of them, after an election or when the addresses changed
//!   later    those whose last write failed, by time
//! ```

use crate::jitter;
use crate::object::ingress::LoadBalancerIngress;
use crate::translate::{Fate, Live};
use ingora_config::NamespacedName;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// The pause after the first failure of a write, and the longest one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How often the removal of our addresses from an Ingress that is not ours any more is tried.
const MAX_REMOVALS: u32 = 8;

/// Somebody who replaces what we wrote within this time quarrels with us.
const QUARREL: Duration = Duration::from_secs(600);

/// A write to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) id: NamespacedName,
    pub(super) version: Box<str>,
    pub(super) addresses: Vec<LoadBalancerIngress>,
}

struct Entry {
    live: Live,
    /// Whether it is ours; if not, it is here to lose our addresses.
    ours: bool,
    /// What we wrote last, and when.
    wrote: Option<(Vec<LoadBalancerIngress>, Instant)>,
    /// Failures since the last success, or repairs of what somebody else keeps writing.
    failures: u32,
    repairs: u32,
    not_before: Option<Instant>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    /// In one of the three queues.
    Queued,
    /// Being written; `true` when something changed meanwhile.
    Writing(bool),
}

#[derive(Default)]
pub(super) struct Plan {
    entries: HashMap<NamespacedName, Entry>,
    /// What our Ingresses are to say; `None` while that is not known.
    addresses: Option<Vec<LoadBalancerIngress>>,
    leading: bool,
    fresh: VecDeque<NamespacedName>,
    backlog: VecDeque<NamespacedName>,
    later: BTreeSet<(Instant, NamespacedName)>,
}

impl Plan {
    /// Begins or ends a term.
    pub(super) fn lead(&mut self, leading: bool) {
        self.leading = leading;
        self.all();
    }

    /// Our Ingresses are to say this.
    pub(super) fn set(&mut self, addresses: Option<Vec<LoadBalancerIngress>>) {
        if self.addresses != addresses {
            self.addresses = addresses;
            self.all();
        }
    }

    /// Looks at every Ingress anew.
    fn all(&mut self) {
        self.fresh.clear();
        self.backlog.clear();
        self.later.clear();
        self.entries.retain(|_, entry| entry.ours);
        let mut ids: Vec<_> = self.entries.keys().cloned().collect();
        ids.sort();
        for id in ids {
            if let Some(entry) = self.entries.get_mut(&id) {
                if entry.state == State::Queued {
                    entry.state = State::Idle;
                }
                entry.not_before = None;
                entry.failures = 0;
            }
            self.consider(&id, false);
        }
    }

    /// Takes what became of an Ingress.
    pub(super) fn see(&mut self, id: NamespacedName, fate: Fate) {
        match fate {
            Fate::Gone => drop(self.entries.remove(&id)),
            Fate::Ours(live, _) => self.see_ours(id, live),
            Fate::NotOurs(live) => {
                let ours =
                    self.addresses.as_ref().is_some_and(|ours| !ours.is_empty() && *ours == live.addresses);
                match self.entries.get_mut(&id) {
                    Some(entry) if self.leading && ours => {
                        entry.ours = false;
                        self.renew(id, live);
                    }
                    _ => drop(self.entries.remove(&id)),
                }
            }
        }
    }

    fn see_ours(&mut self, id: NamespacedName, live: Live) {
        let entry = self.entries.entry(id.clone()).or_insert_with(|| Entry {
            live: Live::default(),
            ours: true,
            wrote: None,
            failures: 0,
            repairs: 0,
            not_before: None,
            state: State::Idle,
        });
        entry.ours = true;
        self.renew(id, live);
    }

    /// Takes what the API server says now, and looks at the Ingress anew.
    fn renew(&mut self, id: NamespacedName, live: Live) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let planned = entry.not_before;
        entry.renew(live);
        // Whatever it waited for, it is judged as it is now.
        if entry.state == State::Queued && planned.is_some_and(|at| self.later.remove(&(at, id.clone()))) {
            entry.state = State::Idle;
        }
        self.consider(&id, true);
    }

    /// Queues an Ingress if there is something to write.
    fn consider(&mut self, id: &NamespacedName, fresh: bool) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        if let State::Writing(changed) = &mut entry.state {
            *changed = true;
            return;
        }
        let Some(wanted) = wanted(entry, self.addresses.as_deref()).filter(|_| self.leading) else { return };
        if *wanted == entry.live.addresses || entry.state == State::Queued {
            return;
        }
        entry.state = State::Queued;
        match entry.not_before.filter(|at| *at > Instant::now()) {
            Some(at) => drop(self.later.insert((at, id.clone()))),
            None if fresh => self.fresh.push_back(id.clone()),
            None => self.backlog.push_back(id.clone()),
        }
    }

    /// The next write, if one is due now.
    pub(super) fn next(&mut self) -> Option<Job> {
        while self.leading {
            let now = Instant::now();
            let due = self.later.first().is_some_and(|(at, _)| *at <= now);
            let late = if due { self.later.pop_first().map(|(_, id)| id) } else { None };
            let id = self.fresh.pop_front().or(late).or_else(|| self.backlog.pop_front())?;
            // Whoever left meanwhile, or says by now what it should, is skipped.
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            if entry.state != State::Queued {
                continue;
            }
            entry.state = State::Idle;
            let Some(wanted) = wanted(entry, self.addresses.as_deref()) else { continue };
            if *wanted == entry.live.addresses {
                continue;
            }
            entry.state = State::Writing(false);
            let (version, addresses) = (entry.live.resource_version.clone(), wanted.to_vec());
            return Some(Job { id, version, addresses });
        }
        None
    }

    /// Whether a write is due now, and else when the next one is.
    pub(super) fn wake(&self) -> Option<Instant> {
        if !self.leading {
            return None;
        }
        if !self.fresh.is_empty() || !self.backlog.is_empty() {
            return Some(Instant::now());
        }
        self.later.first().map(|(at, _)| *at)
    }

    /// How many Ingresses wait for their status.
    pub(super) fn pending(&self) -> usize {
        self.fresh.len() + self.backlog.len() + self.later.len()
    }

    /// A write succeeded; the object has this version now.
    pub(super) fn done(&mut self, job: Job, version: Box<str>) {
        let Some(entry) = self.entries.get_mut(&job.id) else { return };
        let changed = entry.state == State::Writing(true);
        entry.state = State::Idle;
        entry.failures = 0;
        if !entry.ours {
            if job.addresses.is_empty() {
                self.entries.remove(&job.id);
            } else {
                // It turned away right behind this write.
                self.consider(&job.id, true);
            }
            return;
        }
        entry.wrote = Some((job.addresses.clone(), Instant::now()));
        // What was seen while we wrote may be older or newer than what we wrote. If it is older, the next event says so;
        // until then what we wrote is the best guess.
        if !changed || entry.live.resource_version == job.version {
            entry.live.resource_version = version;
            entry.live.addresses = job.addresses;
        }
        self.consider(&job.id, true);
    }

    /// The object is gone.
    pub(super) fn gone(&mut self, job: &Job) {
        self.entries.remove(&job.id);
    }

    /// A write failed. `slowly` is for what will not mend itself.
    pub(super) fn failed(&mut self, job: &Job, slowly: bool) {
        let Some(entry) = self.entries.get_mut(&job.id) else { return };
        entry.state = State::Idle;
        entry.failures += 1;
        if !entry.ours && entry.failures > MAX_REMOVALS {
            self.entries.remove(&job.id);
            return;
        }
        let pause = if slowly { LONGEST_PAUSE } else { pause(entry.failures) };
        entry.not_before = Some(Instant::now() + pause);
        self.consider(&job.id, true);
    }

    /// The version was outdated: the new one may have been seen already, or comes soon.
    pub(super) fn outdated(&mut self, job: &Job) {
        let Some(entry) = self.entries.get_mut(&job.id) else { return };
        let seen = entry.live.resource_version != job.version;
        if seen {
            entry.state = State::Idle;
            self.consider(&job.id, true);
        } else {
            self.failed(job, false);
        }
    }
}

/// What an Ingress is to say; `None` while that is not known.
fn wanted<'a>(
    entry: &Entry,
    addresses: Option<&'a [LoadBalancerIngress]>,
) -> Option<&'a [LoadBalancerIngress]> {
    match entry.ours {
        true => addresses,
        // It loses our addresses, and only those.
        false => addresses.filter(|ours| *ours == entry.live.addresses).map(|_| &[][..]),
    }
}

fn pause(failures: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10));
    doubled.min(LONGEST_PAUSE).mul_f64(0.75 + 0.5 * jitter::fraction())
}

impl Entry {
    /// Takes what the API server says now.
    fn renew(&mut self, live: Live) {
        let news = live.resource_version != self.live.resource_version;
        let replaced = live.uid == self.live.uid
            && self
                .wrote
                .as_ref()
                .is_some_and(|(wrote, _)| *wrote == self.live.addresses && *wrote != live.addresses);
        if live.uid != self.live.uid {
            (self.wrote, self.failures, self.repairs, self.not_before) = (None, 0, 0, None);
        }
        self.live = live;
        if replaced {
            let quarrel = self.wrote.as_ref().is_some_and(|(_, at)| at.elapsed() < QUARREL);
            self.repairs = if quarrel { self.repairs + 1 } else { 1 };
            // Once is repaired at once; whoever insists is answered ever more slowly.
            self.not_before = (self.repairs > 1).then(|| Instant::now() + pause(self.repairs + 1));
        } else if news && self.repairs == 0 {
            // A failure about an older version says nothing about this one.
            self.not_before = None;
        }
    }
}
