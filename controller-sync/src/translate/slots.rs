//! Slots: one for each host and path that anybody claims. The oldest claim wins and is the route; the others get a
//! problem that names the winner. Canary Ingresses never win; they get a share of what the winner serves, see [`canary`].

use super::compile::{Claim, Compiled, Strength};
use super::problems::{Owner, Problems};
use super::published::Published;
use super::quote::quoted;
use canary::Canaries;
use ingora_config::{Host, Key, NamespacedName, Problem, Reason, Resource, Route, RouteKey};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

mod canary;
mod regex_mode;

use regex_mode::RegexModes;

#[derive(Default)]
pub(super) struct Slots {
    slots: HashMap<RouteKey, Slot>,
    regex_modes: RegexModes,
    /// Slots to settle, each with the claims that came (`Some`) or went (`None`).
    touched: BTreeMap<RouteKey, BTreeMap<NamespacedName, Option<Claimant>>>,
}

#[derive(Default)]
struct Slot {
    claims: BTreeSet<Claimant>,
    canaries: Canaries,
    /// The winner the problems of the others name.
    winner: Option<(NamespacedName, Strength)>,
}

/// A claim of a compiled Ingress; the smallest one wins.
#[derive(Clone)]
struct Claimant {
    ingress: Arc<Compiled>,
    claim: usize,
}

impl Claimant {
    fn claim(&self) -> &Claim {
        &self.ingress.claims[self.claim]
    }
}

impl Ord for Claimant {
    fn cmp(&self, other: &Self) -> Ordering {
        let weak = |claimant: &Self| claimant.claim().strength == Strength::Rest;
        weak(self).cmp(&weak(other)).then_with(|| self.ingress.rank.cmp(&other.ingress.rank))
    }
}

impl PartialOrd for Claimant {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Claimant {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Claimant {}

impl Slots {
    pub(super) fn add(&mut self, ingress: &Arc<Compiled>) {
        for (index, claim) in ingress.claims.iter().enumerate() {
            let claimant = Claimant { ingress: ingress.clone(), claim: index };
            let slot = self.slots.entry(claim.key.clone()).or_default();
            match &ingress.canary {
                Some(_) => slot.canaries.insert(claimant.clone()),
                None => _ = slot.claims.insert(claimant.clone()),
            }
            let touched = self.touched.entry(claim.key.clone()).or_default();
            touched.insert(ingress.id().clone(), Some(claimant));
        }
    }

    pub(super) fn remove(&mut self, ingress: &Arc<Compiled>) {
        for (index, claim) in ingress.claims.iter().enumerate() {
            if let Some(slot) = self.slots.get_mut(&claim.key) {
                let claimant = Claimant { ingress: ingress.clone(), claim: index };
                match &ingress.canary {
                    Some(_) => slot.canaries.remove(&claimant),
                    None => _ = slot.claims.remove(&claimant),
                }
            }
            self.touched.entry(claim.key.clone()).or_default().insert(ingress.id().clone(), None);
        }
    }

    /// Decides every slot that was touched, and answers which hosts went into or out of regex mode by it. A winner that
    /// stays costs nothing for the claims that stay.
    pub(super) fn settle(&mut self, published: &mut Published, problems: &mut Problems) -> Vec<(Host, bool)> {
        for (key, changed) in std::mem::take(&mut self.touched) {
            for id in changed.iter().filter(|(_, claimant)| claimant.is_none()).map(|(id, _)| id) {
                problems.set(Owner::Claim(key.clone(), id.clone()), Vec::new());
            }
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            let winner = slot.claims.first().cloned();
            let canaries = slot.canaries.settle(&key, winner.as_ref(), &changed, problems);
            self.regex_modes.set(&key, winner.as_ref());
            let Some(winner) = winner else {
                slot.winner = None;
                if slot.canaries.is_empty() {
                    self.slots.remove(&key);
                }
                published.remove(Key::Route(key));
                continue;
            };
            published.set(Arc::new(Resource::Route(Route {
                key: key.clone(),
                ingress: winner.ingress.id().clone(),
                backend: winner.claim().backend.clone(),
                policy: Arc::clone(&winner.ingress.policy),
                canaries,
            })));
            let identity = Some((winner.ingress.id().clone(), winner.claim().strength));
            let tell = |claimant: &Claimant, problems: &mut Problems| {
                let owner = Owner::Claim(key.clone(), claimant.ingress.id().clone());
                problems.set(owner, conflict(claimant, &winner).into_iter().collect());
            };
            if slot.winner == identity {
                let ordinary =
                    changed.values().flatten().filter(|claimant| claimant.ingress.canary.is_none());
                ordinary.for_each(|claimant| tell(claimant, problems));
            } else {
                slot.winner = identity;
                slot.claims.iter().for_each(|claimant| tell(claimant, problems));
            }
        }
        self.regex_modes.settle(problems)
    }
}

fn conflict(loser: &Claimant, winner: &Claimant) -> Option<Problem> {
    let (claim, by) = (loser.claim(), &winner.ingress.subject.object);
    let host = host_words(&claim.key.host);
    let subject = &loser.ingress.subject;
    match (claim.strength, winner.claim().strength) {
        _ if loser == winner => None,
        // Rules take what they want; a default backend beside rules is for the rest.
        (Strength::Rest, Strength::Rule) => None,
        (Strength::Rule, _) => Some(subject.error(
            Reason::PathConflict,
            claim.place.to_string(),
            format!(
                "{by} already serves {:?} {} of {host}; this path is not served",
                claim.key.path.kind,
                quoted(claim.key.path.value.as_str()),
            ),
            "remove one of the two or give them different paths; the older Ingress wins",
        )),
        (Strength::CatchAll | Strength::Rest, _) => Some(subject.error(
            Reason::DefaultBackendConflict,
            claim.place.to_string(),
            format!(
                "{by} already serves what nothing else takes of {host}; this default backend is not used"
            ),
            "remove one of the two; the older Ingress wins",
        )),
    }
}

fn host_words(host: &Host) -> String {
    match host {
        Host::CatchAll => "every host".to_owned(),
        host => format!("host {host}"),
    }
}
