//! Which hosts are in regex mode: those with a route whose Ingress asks for it (`use-regex`, or a `rewrite-target` that is not
//! the path), whatever the other Ingresses of the host say. Only routes count, not claims that lost.

use super::Claimant;
use crate::translate::problems::{Owner, Problems};
use crate::translate::quote::quoted;
use ingora_config::{Host, InvalidPattern, Problem, Reason, RouteKey};
use std::collections::{BTreeMap, BTreeSet, HashMap};

#[derive(Default)]
pub(super) struct RegexModes {
    hosts: HashMap<Host, Mode>,
    /// Hosts to settle, each with its routes that changed.
    touched: BTreeMap<Host, BTreeSet<RouteKey>>,
}

#[derive(Default)]
struct Mode {
    /// The routes that ask for it.
    asked_by: BTreeSet<RouteKey>,
    /// The routes whose path is no regular expression.
    not_regexes: BTreeMap<RouteKey, Claimant>,
    /// Whether the host was in regex mode when it was last settled.
    told: bool,
}

impl RegexModes {
    /// Takes note of who has a slot now. Costs nothing where regular expressions are of no concern.
    pub(super) fn set(&mut self, key: &RouteKey, winner: Option<&Claimant>) {
        let asks = winner.is_some_and(|winner| winner.claim().regex);
        let not_a_regex = winner.filter(|winner| winner.claim().not_a_regex.is_some());
        if !asks && not_a_regex.is_none() && !self.hosts.contains_key(&key.host) {
            return;
        }
        let mode = self.hosts.entry(key.host.clone()).or_default();
        if asks {
            mode.asked_by.insert(key.clone());
        } else {
            mode.asked_by.remove(key);
        }
        match not_a_regex {
            Some(winner) => mode.not_regexes.insert(key.clone(), winner.clone()),
            None => mode.not_regexes.remove(key),
        };
        self.touched.entry(key.host.clone()).or_default().insert(key.clone());
    }

    /// Tells the routes that are taken literally, and answers which hosts changed their mode.
    pub(super) fn settle(&mut self, problems: &mut Problems) -> Vec<(Host, bool)> {
        let mut changed = Vec::new();
        for (host, keys) in std::mem::take(&mut self.touched) {
            let Some(mode) = self.hosts.get_mut(&host) else { continue };
            let regex = !mode.asked_by.is_empty();
            let all: Vec<RouteKey> = if regex == mode.told {
                keys.into_iter().collect()
            } else {
                changed.push((host.clone(), regex));
                keys.into_iter().chain(mode.not_regexes.keys().cloned()).collect()
            };
            mode.told = regex;
            for key in all {
                let literal = mode.not_regexes.get(&key).filter(|_| regex);
                let problem = literal.and_then(|claimant| taken_literally(claimant, &host));
                problems.set(Owner::RegexMode(key), problem.into_iter().collect());
            }
            if !regex && mode.not_regexes.is_empty() {
                self.hosts.remove(&host);
            }
        }
        changed
    }
}

fn taken_literally(claimant: &Claimant, host: &Host) -> Option<Problem> {
    let claim = claimant.claim();
    let why: &InvalidPattern = claim.not_a_regex.as_ref()?;
    Some(claimant.ingress.subject.warning(
        Reason::InvalidPath,
        claim.place.to_string(),
        format!(
            "an annotation on a path of host {host} makes all its paths regular expressions, and {} {why}; it is \
             compared as it is written, without regard to case",
            quoted(claim.key.path.value.as_str()),
        ),
        "escape what is not meant as a regular expression with \\",
    ))
}
