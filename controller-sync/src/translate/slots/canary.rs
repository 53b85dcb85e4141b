//! The canaries of one slot: which of them share its route, and why the others do not.
//!
//! A canary takes part where an ordinary Ingress *of its own namespace* has won the same host and path. Nobody may take
//! another tenant's requests, so those of other namespaces are told and left out, and are not even looked at when a
//! route changes.

use super::{Claimant, host_words};
use crate::translate::problems::{Owner, Problems};
use crate::translate::quote::quoted;
use ingora_config::policy::{Canary, MAX_CANARIES};
use ingora_config::{Backend, NamespacedName, Problem, Reason, RouteKey};
use std::collections::{BTreeMap, BTreeSet};

/// All claims of canaries on one slot.
#[derive(Default)]
pub(super) struct Canaries {
    /// By the namespace of the Ingress; each by age.
    by_namespace: BTreeMap<String, BTreeSet<Claimant>>,
    /// What the problems say.
    told: Basis,
}

/// What decides about the problems of every canary of a slot.
#[derive(Default, PartialEq, Eq)]
struct Basis {
    primary: Option<(NamespacedName, Backend)>,
    accepted: Vec<Canary>,
}

/// How a canary fares.
enum Fate {
    Serves,
    /// It serves, but its weight and those of older canaries are more than all requests.
    Cut,
    NoPrimary,
    OtherNamespace,
    NoBackend,
    SameBackend,
    TooMany,
}

impl Canaries {
    pub(super) fn is_empty(&self) -> bool {
        self.by_namespace.is_empty()
    }

    pub(super) fn insert(&mut self, claimant: Claimant) {
        let namespace = claimant.ingress.id().namespace.clone();
        self.by_namespace.entry(namespace).or_default().insert(claimant);
    }

    pub(super) fn remove(&mut self, claimant: &Claimant) {
        let namespace = &claimant.ingress.id().namespace;
        if let Some(claims) = self.by_namespace.get_mut(namespace) {
            claims.remove(claimant);
            if claims.is_empty() {
                self.by_namespace.remove(namespace);
            }
        }
    }

    /// Those that share the route of `winner`, the oldest first. Of the others each is told why not: those of `changed`,
    /// or all when anything changed that matters to all.
    pub(super) fn settle(
        &mut self,
        key: &RouteKey,
        winner: Option<&Claimant>,
        changed: &BTreeMap<NamespacedName, Option<Claimant>>,
        problems: &mut Problems,
    ) -> Vec<Canary> {
        let accepted: Vec<Claimant> = self.accepted(winner).cloned().collect();
        let canaries: Vec<Canary> = accepted.iter().filter_map(canary).collect();
        let primary = winner.map(|winner| (winner.ingress.id().clone(), winner.claim().backend.clone()));
        let basis = Basis { primary, accepted: canaries.clone() };
        let tell = |claimant: &Claimant, problems: &mut Problems| {
            let problem = explain(key, claimant, winner, fate(claimant, winner, &accepted));
            let owner = Owner::Claim(key.clone(), claimant.ingress.id().clone());
            problems.set(owner, problem.into_iter().collect());
        };
        if self.told == basis {
            let changed = changed.values().flatten().filter(|claimant| claimant.ingress.canary.is_some());
            changed.for_each(|claimant| tell(claimant, problems));
        } else {
            self.told = basis;
            self.by_namespace.values().flatten().for_each(|claimant| tell(claimant, problems));
        }
        canaries
    }

    fn accepted<'a>(&'a self, winner: Option<&'a Claimant>) -> impl Iterator<Item = &'a Claimant> {
        let namespace = winner.map(|winner| &winner.ingress.id().namespace);
        let claims = namespace.and_then(|namespace| self.by_namespace.get(namespace));
        let backend = winner.map(|winner| &winner.claim().backend);
        let fits = move |claimant: &&Claimant| {
            backend
                .is_some_and(|primary| *primary != Backend::NotFound && *primary != claimant.claim().backend)
        };
        claims.into_iter().flatten().filter(fits).take(MAX_CANARIES)
    }
}

fn canary(claimant: &Claimant) -> Option<Canary> {
    let Backend::Upstream(upstream) = &claimant.claim().backend else { return None };
    let rule = claimant.ingress.canary.clone()?;
    Some(Canary { ingress: claimant.ingress.id().clone(), upstream: upstream.clone(), rule })
}

fn fate(claimant: &Claimant, winner: Option<&Claimant>, accepted: &[Claimant]) -> Fate {
    let Some(winner) = winner else { return Fate::NoPrimary };
    if winner.ingress.id().namespace != claimant.ingress.id().namespace {
        return Fate::OtherNamespace;
    }
    match (&winner.claim().backend, &claimant.claim().backend) {
        (Backend::NotFound, _) => return Fate::NoBackend,
        (primary, canary) if primary == canary => return Fate::SameBackend,
        _ => {}
    }
    let Some(at) = accepted.iter().position(|other| other == claimant) else { return Fate::TooMany };
    // Parts of 2^32, so that weights of different totals add up.
    let share = |claimant: &Claimant| {
        let rule = claimant.ingress.canary.as_ref();
        rule.map_or(0, |rule| (u64::from(rule.weight) << 32) / u64::from(rule.weight_total.max(1)))
    };
    let sum: u64 = accepted[..=at].iter().map(share).sum();
    if share(claimant) > 0 && sum > 1 << 32 { Fate::Cut } else { Fate::Serves }
}

fn explain(key: &RouteKey, claimant: &Claimant, winner: Option<&Claimant>, fate: Fate) -> Option<Problem> {
    let path =
        format!("{:?} {} of {}", key.path.kind, quoted(key.path.value.as_str()), host_words(&key.host));
    let primary = winner.map(|winner| winner.ingress.subject.object.to_string()).unwrap_or_default();
    let (reason, message, hint) = match fate {
        Fate::Serves => return None,
        Fate::Cut => {
            let message = format!(
                "the weights of the canaries of {path} come to more than all requests; this one gets what older ones leave"
            );
            let problem = claimant.ingress.subject.warning(
                Reason::AnnotationConflict,
                claimant.claim().place.to_string(),
                message,
                "lower the weights so that together they are at most the total",
            );
            return Some(problem);
        }
        Fate::NoPrimary => (
            Reason::CanaryWithoutPrimary,
            format!("no ordinary Ingress serves {path}; a canary serves nothing by itself"),
            "create an Ingress without the canary annotation for the same host, path and pathType".to_owned(),
        ),
        Fate::OtherNamespace => (
            Reason::CanaryWithoutPrimary,
            format!("{primary} serves {path}, and a canary takes no requests from another namespace"),
            "move the canary and its Service to the namespace of the primary".to_owned(),
        ),
        Fate::NoBackend => (
            Reason::CanaryWithoutPrimary,
            format!("{primary} serves {path} without a Service, so there are no requests to share"),
            "name a Service in the primary Ingress".to_owned(),
        ),
        Fate::SameBackend => (
            Reason::AnnotationConflict,
            format!("{primary} sends {path} to the same Service and port; the canary changes nothing"),
            "name another Service in the canary".to_owned(),
        ),
        Fate::TooMany => (
            Reason::AnnotationConflict,
            format!("{MAX_CANARIES} older canaries share {path}; this one takes no requests"),
            format!("remove canaries until there are {MAX_CANARIES} at most"),
        ),
    };
    Some(claimant.ingress.subject.error(reason, claimant.claim().place.to_string(), message, &hint))
}
