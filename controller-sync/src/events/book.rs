//! What is true, what was told, and what is to be told next: no I/O in here.

use super::send::Manner;
use super::spam::Spam;
use super::tale::Tale;
use crate::translate::Fate;
use ingora_config::{NamespacedName, ObjectRef, Problem};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// The API server forgets an Event after an hour; one that is still true is told again before.
pub(super) const REFRESH: Duration = Duration::from_secs(30 * 60);

/// For how long a replica that does not lead remembers what happened: a leader that died may not have told it.
const GAP: Duration = Duration::from_secs(60);

/// How much it remembers.
const MAX_GAP: usize = 4096;

/// An Event to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) subject: Subject,
    /// `None` when the object has to be asked for it.
    pub(super) uid: Option<String>,
    pub(super) manner: Manner,
}

/// What an Event is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// A problem that is there.
    Problem(Tale),
    /// A problem that is gone.
    Solved(Tale),
    /// A generation of an Ingress that is taken over.
    Sync(NamespacedName, i64),
}

impl Subject {
    /// What the Event says.
    pub(super) fn tale(&self) -> Tale {
        match self {
            Self::Problem(tale) => tale.clone(),
            Self::Solved(tale) => tale.solved(),
            Self::Sync(id, generation) => Tale::sync(id, *generation),
        }
    }
}

#[derive(Default)]
struct State {
    /// How many problems say this now.
    holders: usize,
    /// How often it was told; `None` before the first time.
    told: Option<i32>,
    /// In a queue.
    queued: bool,
    /// When it is told again, or may be told at all.
    due: Option<Instant>,
}

#[derive(Default)]
pub(super) struct Book {
    leading: bool,
    /// The UIDs of Ingresses.
    uids: HashMap<NamespacedName, String>,
    problems: BTreeMap<Tale, State>,
    /// How often it was told that this is solved.
    solved: HashMap<Tale, i32>,
    queue: VecDeque<(Subject, Manner)>,
    later: BTreeSet<(Instant, Subject)>,
    /// The last generation that was told or queued, and what waits, with when that was.
    synced: HashMap<NamespacedName, i64>,
    sync: VecDeque<(Instant, NamespacedName, i64)>,
    /// What happened while we did not lead.
    gap: VecDeque<(Instant, Tale)>,
    spam: Spam,
    /// What came and went untold.
    pub(super) dropped: u64,
}

impl Book {
    /// Begins or ends a term. Whoever led before may have told everything or nothing.
    pub(super) fn lead(&mut self, leading: bool) {
        self.leading = leading;
        self.queue.clear();
        self.later.clear();
        self.solved.clear();
        let gap = std::mem::take(&mut self.gap);
        self.sync.retain(|(at, ..)| leading && at.elapsed() < GAP);
        for state in self.problems.values_mut() {
            *state = State { holders: state.holders, ..State::default() };
        }
        if !leading {
            return;
        }
        for (tale, state) in &mut self.problems {
            state.queued = true;
            self.queue.push_back((Subject::Problem(tale.clone()), Manner::First));
        }
        for (at, tale) in gap {
            let again = self.problems.contains_key(&tale);
            if at.elapsed() < GAP && !again && self.knows(&tale.object) {
                self.queue.push_back((Subject::Solved(tale), Manner::Once));
            }
        }
    }

    /// Takes what became of an Ingress. `sync` says whether taking it over is worth an Event.
    pub(super) fn see(&mut self, id: NamespacedName, fate: Fate, sync: bool) {
        let (live, translated) = match fate {
            Fate::Gone => {
                self.uids.remove(&id);
                self.synced.remove(&id);
                return;
            }
            Fate::Ours(live, translated) => (live, translated),
            Fate::NotOurs(live) => (live, false),
        };
        let new = self.uids.insert(id.clone(), live.uid.clone()) != Some(live.uid);
        if !sync || !translated {
            return;
        }
        let told = self.synced.insert(id.clone(), live.generation);
        if new || told != Some(live.generation) {
            self.sync.push_back((Instant::now(), id, live.generation));
            if !self.leading && self.sync.len() > MAX_GAP {
                self.sync.pop_front();
            }
        }
    }

    /// A problem is there.
    pub(super) fn came(&mut self, problem: &Problem) {
        let tale = Tale::of(problem);
        let state = self.problems.entry(tale.clone()).or_default();
        state.holders += 1;
        if state.holders == 1 && self.leading && !state.queued {
            state.queued = true;
            self.queue.push_back((Subject::Problem(tale), Manner::First));
        }
    }

    /// A problem is gone.
    pub(super) fn went(&mut self, problem: &Problem) {
        let tale = Tale::of(problem);
        let Some(state) = self.problems.get_mut(&tale) else { return };
        state.holders = state.holders.saturating_sub(1);
        if state.holders > 0 {
            return;
        }
        let State { told, due, .. } = self.problems.remove(&tale).unwrap_or_default();
        if let Some(due) = due {
            self.later.remove(&(due, Subject::Problem(tale.clone())));
        }
        if !self.knows(&tale.object) {
            return;
        }
        if !self.leading {
            self.gap.push_back((Instant::now(), tale));
            if self.gap.len() > MAX_GAP {
                self.gap.pop_front();
            }
        } else if told.is_some() {
            self.solve(tale);
        } else {
            self.dropped += 1;
        }
    }

    /// Whether there is anybody to tell about the object: an Ingress that is gone needs no news.
    fn knows(&self, object: &ObjectRef) -> bool {
        object.kind != "Ingress" || self.uids.contains_key(&id(object))
    }

    /// Queues that a problem is gone.
    fn solve(&mut self, tale: Tale) {
        let manner = self.solved.get(&tale).map_or(Manner::First, |count| Manner::Again(*count));
        self.queue.push_back((Subject::Solved(tale), manner));
    }

    /// The next Event to send.
    pub(super) fn next(&mut self) -> Option<Letter> {
        if !self.leading {
            return None;
        }
        self.queue_due();
        while let Some((subject, manner)) = self.queue.pop_front() {
            let (true_still, refresh) = match &subject {
                Subject::Problem(tale) => {
                    let state = self.problems.get(tale);
                    (state.is_some(), state.is_some_and(|state| state.told.is_some()))
                }
                // It came back, or its object is gone.
                Subject::Solved(tale) => {
                    (!self.problems.contains_key(tale) && self.knows(&tale.object), false)
                }
                Subject::Sync(..) => (true, true),
            };
            if !true_still {
                continue;
            }
            // What is told again was allowed once, and its pace is bounded.
            let object = subject.tale().object;
            if !refresh && let Err(at) = self.spam.allow(&object) {
                self.wait(subject, at);
                continue;
            }
            return Some(Letter { uid: self.uid(&object), subject, manner });
        }
        while let Some((_, id, generation)) = self.sync.pop_front() {
            let current = self.synced.get(&id) == Some(&generation);
            let object = ObjectRef::new("Ingress", &id);
            if current && self.spam.allow_unimportant(&object) {
                let subject = Subject::Sync(id, generation);
                return Some(Letter { uid: self.uid(&object), subject, manner: Manner::Once });
            }
            self.dropped += 1;
        }
        None
    }

    /// Queues what waited long enough.
    fn queue_due(&mut self) {
        let now = Instant::now();
        while self.later.first().is_some_and(|(at, _)| *at <= now) {
            match self.later.pop_first().map(|(_, subject)| subject) {
                Some(Subject::Problem(tale)) => {
                    if let Some(state) = self.problems.get_mut(&tale) {
                        state.due = None;
                        state.queued = true;
                        let manner = state.told.map_or(Manner::First, Manner::Again);
                        self.queue.push_back((Subject::Problem(tale), manner));
                    }
                }
                Some(Subject::Solved(tale)) => self.solve(tale),
                Some(Subject::Sync(..)) | None => {}
            }
        }
    }

    /// An object got too much; what is still true later is told then.
    fn wait(&mut self, subject: Subject, at: Instant) {
        if let Subject::Problem(tale) = &subject
            && let Some(state) = self.problems.get_mut(tale)
        {
            state.queued = false;
            state.due = Some(at);
        }
        if matches!(subject, Subject::Solved(_)) && self.later.len() > self.problems.len() + MAX_GAP {
            self.dropped += 1;
            return;
        }
        self.later.insert((at, subject));
    }

    fn uid(&self, object: &ObjectRef) -> Option<String> {
        (object.kind == "Ingress").then(|| self.uids.get(&id(object)).cloned()).flatten()
    }

    /// When there is something to send.
    pub(super) fn wake(&self) -> Option<Instant> {
        if !self.leading {
            return None;
        }
        if !self.queue.is_empty() || !self.sync.is_empty() {
            return Some(Instant::now());
        }
        self.later.first().map(|(at, _)| *at)
    }

    /// A letter arrived; it was told so often.
    pub(super) fn told(&mut self, letter: Letter, count: i32) {
        match letter.subject {
            Subject::Solved(tale) => {
                // Forgotten at the end of the term, or when there are very many.
                if self.solved.len() >= MAX_GAP {
                    self.solved.clear();
                }
                self.solved.insert(tale, count);
            }
            Subject::Problem(tale) => match self.problems.get_mut(&tale) {
                Some(state) => {
                    let due = Instant::now() + REFRESH;
                    *state =
                        State { holders: state.holders, told: Some(count), queued: false, due: Some(due) };
                    self.later.insert((due, Subject::Problem(tale)));
                }
                None => self.solve(tale),
            },
            Subject::Sync(..) => {}
        }
    }

    /// A letter cannot be delivered.
    pub(super) fn refused(&mut self, letter: &Letter) {
        self.dropped += 1;
        if let Subject::Problem(tale) = &letter.subject
            && let Some(state) = self.problems.get_mut(tale)
        {
            // The next look may find another world.
            let due = Instant::now() + REFRESH;
            *state = State { holders: state.holders, told: None, queued: false, due: Some(due) };
            self.later.insert((due, letter.subject.clone()));
        }
    }

    /// A letter comes back, to be sent once more.
    pub(super) fn returned(&mut self, letter: Letter) {
        self.queue.push_front((letter.subject, letter.manner));
    }
}

fn id(object: &ObjectRef) -> NamespacedName {
    NamespacedName::new(object.namespace.clone(), object.name.clone())
}
