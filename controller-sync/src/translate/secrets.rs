//! TLS Secrets that somebody refers to: parsed when they change, sent when a host is served with them.

use super::certificate::{self, State};
use super::compile::Compiled;
use super::problems::{Owner, Problems, Subject};
use super::published::Published;
use super::reference::Referrer;
use crate::store::Store;
use ingora_config::{Key, NamespacedName, Problem, Reason};
use std::collections::{BTreeSet, HashMap};

#[derive(Default)]
pub(super) struct Secrets {
    known: HashMap<NamespacedName, Known>,
    /// When the validity of a certificate begins or ends, seconds since 1970.
    turns: BTreeSet<(i64, NamespacedName)>,
    /// Secrets whose first referrer came or whose last one went.
    touched: BTreeSet<NamespacedName>,
    /// Secrets that must be sent or taken back.
    unsent: BTreeSet<NamespacedName>,
    /// Secrets that a source brings only when it is asked to, and whether they are others than before.
    wanted: BTreeSet<NamespacedName>,
    wants_others: bool,
    now: i64,
}

#[derive(Default)]
struct Known {
    referrers: BTreeSet<Referrer>,
    /// How many hosts are served with it, the default certificate counted as one.
    users: usize,
    /// `None` until it is read.
    state: Option<State>,
}

/// Whether a certificate is valid now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    Valid,
    NotYet,
    Expired,
}

impl Secrets {
    pub(super) fn add(&mut self, ingress: &Compiled) {
        for (secret, _) in ingress.tls.iter().flat_map(|tls| tls.secrets()) {
            self.refer(secret, Referrer::Ingress(ingress.id().clone()));
        }
    }

    pub(super) fn remove(&mut self, ingress: &Compiled) {
        for (secret, _) in ingress.tls.iter().flat_map(|tls| tls.secrets()) {
            if let Some(known) = self.known.get_mut(secret) {
                known.referrers.remove(&Referrer::Ingress(ingress.id().clone()));
                self.touched.insert(secret.clone());
            }
        }
    }

    pub(super) fn refer(&mut self, secret: &NamespacedName, referrer: Referrer) {
        self.known.entry(secret.clone()).or_default().referrers.insert(referrer);
        self.touched.insert(secret.clone());
    }

    /// Reads what changed, and answers which Ingresses refer to a Secret that is not what it was or whose validity
    /// began or ended.
    pub(super) fn settle(
        &mut self,
        dirty: &BTreeSet<NamespacedName>,
        store: &Store,
        now: i64,
    ) -> BTreeSet<Referrer> {
        let mut affected = BTreeSet::new();
        for id in std::mem::take(&mut self.touched) {
            match self.known.get(&id) {
                Some(known) if known.referrers.is_empty() => self.forget(&id),
                Some(known) if known.state.is_none() && !dirty.contains(&id) => {
                    self.read(&id, store, now, &mut affected)
                }
                _ => {}
            }
        }
        for id in dirty {
            if self.known.contains_key(id) {
                self.read(id, store, now, &mut affected);
            }
        }
        for id in self.turned(now) {
            self.plan_turn(&id, now);
            affected.extend(self.known.get(&id).iter().flat_map(|known| known.referrers.iter().cloned()));
        }
        self.now = now;
        affected
    }

    /// The Secrets whose validity began or ended since the last time. A clock that was set back turns all of them.
    fn turned(&mut self, now: i64) -> BTreeSet<NamespacedName> {
        if now < self.now {
            return self.known.keys().cloned().collect();
        }
        let later = self.turns.split_off(&(now + 1, NamespacedName::default()));
        std::mem::replace(&mut self.turns, later).into_iter().map(|(_, id)| id).collect()
    }

    fn read(&mut self, id: &NamespacedName, store: &Store, now: i64, affected: &mut BTreeSet<Referrer>) {
        self.unplan_turns(id);
        let Some(known) = self.known.get_mut(id) else { return };
        let secret = store.secret(id);
        known.state = Some(secret.map_or(State::Missing, certificate::read));
        affected.extend(known.referrers.iter().cloned());
        self.wants_others |= match secret.is_some_and(|secret| secret.is_tls) {
            true => self.wanted.remove(id),
            false => self.wanted.insert(id.clone()),
        };
        self.unsent.insert(id.clone());
        self.plan_turn(id, now);
    }

    fn forget(&mut self, id: &NamespacedName) {
        self.unplan_turns(id);
        self.wants_others |= self.wanted.remove(id);
        self.known.remove(id);
        self.unsent.insert(id.clone());
    }

    /// The Secrets that are referred to and are not among those that every source brings, and whether they are others
    /// than at the last call.
    pub(super) fn take_wanted(&mut self) -> (&BTreeSet<NamespacedName>, bool) {
        (&self.wanted, std::mem::take(&mut self.wants_others))
    }

    /// Notes the next second in which the validity of a certificate changes.
    fn plan_turn(&mut self, id: &NamespacedName, now: i64) {
        self.unplan_turns(id);
        if let Some(turn) = self.turns_of(id).into_iter().flatten().find(|turn| *turn > now) {
            self.turns.insert((turn, id.clone()));
        }
    }

    fn unplan_turns(&mut self, id: &NamespacedName) {
        for turn in self.turns_of(id).into_iter().flatten() {
            self.turns.remove(&(turn, id.clone()));
        }
    }

    fn turns_of(&self, id: &NamespacedName) -> Option<[i64; 2]> {
        match self.state(id) {
            State::Usable(usable) => Some([usable.not_before, usable.not_after.saturating_add(1)]),
            _ => None,
        }
    }

    pub(super) fn state(&self, id: &NamespacedName) -> &State {
        const MISSING: &State = &State::Missing;
        self.known.get(id).and_then(|known| known.state.as_ref()).unwrap_or(MISSING)
    }

    pub(super) fn validity(&self, usable: &certificate::Usable) -> Validity {
        if self.now < usable.not_before {
            Validity::NotYet
        } else if self.now > usable.not_after {
            Validity::Expired
        } else {
            Validity::Valid
        }
    }

    /// Moves one user from a Secret to another.
    pub(super) fn switch(&mut self, from: Option<&NamespacedName>, to: Option<&NamespacedName>) {
        if from == to {
            return;
        }
        if let Some(id) = from {
            if let Some(known) = self.known.get_mut(id) {
                known.users = known.users.saturating_sub(1);
            }
            self.unsent.insert(id.clone());
        }
        if let Some(id) = to {
            self.known.entry(id.clone()).or_default().users += 1;
            self.unsent.insert(id.clone());
        }
    }

    /// Sends the certificates that serve a host, and takes back the others: the gateway holds no key it does not use.
    pub(super) fn publish(&mut self, published: &mut Published) {
        for id in std::mem::take(&mut self.unsent) {
            let served = self.known.get(&id).is_some_and(|known| known.users > 0);
            match self.state(&id) {
                State::Usable(usable) if served => published.set(usable.resource.clone()),
                _ => published.remove(Key::Certificate(id)),
            }
        }
    }

    /// The problems of `--default-ssl-certificate`.
    pub(super) fn check_default(&self, id: &NamespacedName, problems: &mut Problems) {
        let subject = Subject::new("Secret", id, None);
        let problem = self.problem(&subject, "", id).map(|mut problem| {
            let served = "the default certificate is served";
            problem.message = problem.message.replace(served, "a self-made certificate is served instead");
            problem.hint += "; --default-ssl-certificate names it";
            problem
        });
        problems.set(Owner::DefaultCertificate, problem.into_iter().collect());
    }

    /// What is wrong with a Secret as such, said about the object that refers to it.
    pub(super) fn problem(&self, subject: &Subject, field: &str, id: &NamespacedName) -> Option<Problem> {
        let create = "create a Secret of type kubernetes.io/tls with tls.crt and tls.key";
        match self.state(id) {
            State::Missing => {
                let message = format!("Secret {id} does not exist; the default certificate is served");
                Some(subject.error(Reason::SecretNotFound, field, message, create))
            }
            State::Invalid(why) => {
                let message = format!("Secret {id} cannot be used: {why}; the default certificate is served");
                Some(subject.error(Reason::SecretInvalid, field, message, create))
            }
            State::Usable(usable) => {
                let (what, hint) = match self.validity(usable) {
                    Validity::Valid => return None,
                    Validity::NotYet => ("is not valid yet", "see when it becomes valid"),
                    Validity::Expired => ("is expired", "renew the certificate"),
                };
                let message = format!("the certificate of Secret {id} {what}; it is served all the same");
                Some(subject.warning(Reason::CertificateExpired, field, message, hint))
            }
        }
    }
}
