//! All current problems, each owned by the part of the translation that found it.
//!
//! When a part is translated again it hands in its problems anew; what differs is the change. The same problem may be
//! found by several parts (an Ingress with ten hosts and one missing Secret) and is then one problem.

use ingora_config::{
    Host, NamespacedName, ObjectRef, Problem, Reason, RouteKey, Severity, SourceLocation, UpstreamId,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::reference::Referrer;

/// A part of the translation that owns problems.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// What an Ingress says by itself.
    Ingress(NamespacedName),
    /// An Ingress' claim on a host and path.
    Claim(RouteKey, NamespacedName),
    /// What becomes of a path on a host in regex mode.
    RegexMode(RouteKey),
    /// What an Ingress' annotations ask for a host as a whole.
    Host(Host, NamespacedName),
    /// A further name (first) that an Ingress claims for a host (second).
    FurtherName(Host, Host, NamespacedName),
    /// What an Ingress' `tls` says about a host.
    Tls(Host, NamespacedName),
    /// A Service port.
    Upstream(UpstreamId),
    /// A reference to a Service port.
    Reference(UpstreamId, Referrer),
    /// `--default-ssl-certificate`.
    DefaultCertificate,
    /// `--configmap`.
    Settings,
}

#[derive(Default)]
pub(super) struct Problems {
    owners: HashMap<Owner, Vec<Arc<Problem>>>,
    /// Each problem with the number of its owners.
    all: BTreeMap<Arc<Problem>, usize>,
    /// What came (+1) and went (-1) since the last [`Problems::take_changes`], without the place: an object that only
    /// moved within its file has no new problem.
    changes: BTreeMap<Problem, Change>,
}

#[derive(Default)]
struct Change {
    balance: i64,
    latest: Option<Arc<Problem>>,
}

impl Problems {
    /// Replaces the problems of an owner.
    pub(super) fn set(&mut self, owner: Owner, problems: Vec<Problem>) {
        let old = self.owners.remove(&owner).unwrap_or_default();
        if problems.is_empty() && old.is_empty() {
            return;
        }
        let new: Vec<Arc<Problem>> = problems.into_iter().map(Arc::new).collect();
        for problem in &new {
            let owners = self.all.entry(problem.clone()).or_default();
            *owners += 1;
            if *owners == 1 {
                self.note(problem, 1);
            }
        }
        for problem in &old {
            let Some(owners) = self.all.get_mut(problem) else { continue };
            *owners -= 1;
            if *owners == 0 {
                self.all.remove(problem);
                self.note(problem, -1);
            }
        }
        if !new.is_empty() {
            self.owners.insert(owner, new);
        }
    }

    fn note(&mut self, problem: &Arc<Problem>, by: i64) {
        let change = self.changes.entry(Problem { location: None, ..(**problem).clone() }).or_default();
        change.balance += by;
        if by > 0 || change.latest.is_none() {
            change.latest = Some(problem.clone());
        }
    }

    /// The new and the solved problems since the last call.
    pub(super) fn take_changes(&mut self) -> (Vec<Problem>, Vec<Problem>) {
        let (mut new, mut solved) = (Vec::new(), Vec::new());
        for change in std::mem::take(&mut self.changes).into_values() {
            let Some(latest) = change.latest else { continue };
            match change.balance {
                1.. => new.push((*latest).clone()),
                0 => {}
                _ => solved.push((*latest).clone()),
            }
        }
        (new, solved)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.all.keys().map(|problem| &**problem)
    }
}

/// The object that problems are about, and its place.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) object: ObjectRef,
    pub(super) location: Option<SourceLocation>,
}

impl Subject {
    pub(super) fn new(kind: &str, id: &NamespacedName, location: Option<&SourceLocation>) -> Self {
        Self { object: ObjectRef::new(kind, id), location: location.cloned() }
    }

    pub(super) fn error(
        &self,
        reason: Reason,
        field: impl Into<String>,
        message: String,
        hint: &str,
    ) -> Problem {
        Problem {
            severity: Severity::Error,
            object: self.object.clone(),
            reason,
            field: field.into(),
            message,
            hint: hint.to_owned(),
            location: self.location.clone(),
        }
    }

    pub(super) fn warning(
        &self,
        reason: Reason,
        field: impl Into<String>,
        message: String,
        hint: &str,
    ) -> Problem {
        Problem { severity: Severity::Warning, ..self.error(reason, field, message, hint) }
    }

    pub(super) fn info(
        &self,
        reason: Reason,
        field: impl Into<String>,
        message: String,
        hint: &str,
    ) -> Problem {
        Problem { severity: Severity::Info, ..self.error(reason, field, message, hint) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u64) -> Problem {
        let location = SourceLocation { file: "a.yaml".into(), line };
        Subject::new("Ingress", &NamespacedName::new("shop", "web"), Some(&location)).error(
            Reason::InvalidHost,
            "spec.rules[0].host",
            "no".into(),
            "",
        )
    }

    fn owner(name: &str) -> Owner {
        Owner::Ingress(NamespacedName::new("shop", name))
    }

    #[test]
    fn a_problem_of_two_owners_is_one_problem_until_both_solved_it() {
        let mut problems = Problems::default();
        problems.set(owner("a"), vec![at(1)]);
        problems.set(owner("b"), vec![at(1)]);
        assert_eq!(problems.iter().count(), 1);
        assert_eq!(problems.take_changes(), (vec![at(1)], vec![]));
        problems.set(owner("a"), vec![]);
        assert_eq!(problems.take_changes(), (vec![], vec![]));
        problems.set(owner("b"), vec![]);
        assert_eq!(problems.take_changes(), (vec![], vec![at(1)]));
        assert_eq!(problems.iter().count(), 0);
    }

    #[test]
    fn a_problem_that_only_moved_is_neither_new_nor_solved() {
        let mut problems = Problems::default();
        problems.set(owner("a"), vec![at(1)]);
        problems.take_changes();
        problems.set(owner("a"), vec![at(7)]);
        assert_eq!(problems.take_changes(), (vec![], vec![]));
        assert_eq!(problems.iter().next(), Some(&at(7)));
    }
}
