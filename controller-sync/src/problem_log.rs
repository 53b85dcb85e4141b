//! The problems there are now: one log line when one is new, one when it is solved, and a gauge.
//!
//! Problems come from two sides: from the sources per origin (all of a file's at once) and from translation as
//! differences. What comes and goes between two publications is not worth a line and gets none.

use crate::metrics::{Metrics, ProblemLabels};
use ingora_config::{Problem, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most lines of one publication; a directory of mistakes must not drown the log.
const MAX_LINES: usize = 200;

/// Problems that came and problems that went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// There now, and not before.
    pub new: BTreeSet<Problem>,
    /// There before, and not now.
    pub solved: BTreeSet<Problem>,
}

impl Changes {
    /// Whether everything is as it was.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.solved.is_empty()
    }
}

/// Problems between hearing of them and logging them.
pub struct ProblemLog {
    metrics: Arc<Metrics>,
    by_origin: BTreeMap<String, Vec<Problem>>,
    new: BTreeSet<Problem>,
    solved: BTreeSet<Problem>,
}

impl ProblemLog {
    /// No problem so far.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, by_origin: BTreeMap::new(), new: BTreeSet::new(), solved: BTreeSet::new() }
    }

    /// The problems of an origin are these now, and no others.
    pub fn replace(&mut self, origin: String, problems: Vec<Problem>) {
        let old = match problems.is_empty() {
            true => self.by_origin.remove(&origin),
            false => self.by_origin.insert(origin, problems.clone()),
        };
        self.change(problems, old.unwrap_or_default());
    }

    /// Some problems are new, some are solved.
    pub fn change(&mut self, new: Vec<Problem>, solved: Vec<Problem>) {
        for problem in solved {
            if !self.new.remove(&problem) {
                self.solved.insert(problem);
            }
        }
        for problem in new {
            if !self.solved.remove(&problem) {
                self.new.insert(problem);
            }
        }
    }

    /// Logs what changed since the last call, and answers it.
    pub fn flush(&mut self) -> Changes {
        let (new, solved) = (std::mem::take(&mut self.new), std::mem::take(&mut self.solved));
        for problem in &new {
            self.metrics.problems.get_or_create(&labels(problem)).inc();
        }
        for problem in &solved {
            self.metrics.problems.get_or_create(&labels(problem)).dec();
        }
        solved.iter().take(MAX_LINES).for_each(log_solved);
        new.iter().take(MAX_LINES).for_each(log_new);
        let left = solved.len().saturating_sub(MAX_LINES) + new.len().saturating_sub(MAX_LINES);
        if left > 0 {
            tracing::warn!("{left} more problems came or went; `ingora check` lists what there is");
        }
        Changes { new, solved }
    }
}

fn labels(problem: &Problem) -> ProblemLabels {
    ProblemLabels::new(problem.reason, problem.severity)
}

fn log_new(problem: &Problem) {
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                object = %problem.object,
                reason = %problem.reason,
                field = said(&problem.field),
                location = problem.location.as_ref().map(tracing::field::display),
                hint = said(&problem.hint),
                "{}",
                problem.message
            )
        };
    }
    match problem.severity {
        Severity::Error => line!(error),
        Severity::Warning => line!(warn),
        Severity::Info => line!(info),
    }
}

fn log_solved(problem: &Problem) {
    tracing::info!(
        object = %problem.object,
        reason = %problem.reason,
        field = said(&problem.field),
        "solved: {}",
        problem.message
    );
}

/// Nothing for an empty text, so that it takes no room in the line.
fn said(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingora_config::{NamespacedName, ObjectRef, Reason};

    fn problem(message: &str) -> Problem {
        Problem {
            severity: Severity::Warning,
            object: ObjectRef::new("Ingress", &NamespacedName::new("shop", "web")),
            reason: Reason::PathConflict,
            field: String::new(),
            message: message.into(),
            hint: String::new(),
            location: None,
        }
    }

    #[test]
    fn the_gauge_counts_what_there_is_and_what_came_and_went_in_between_is_not_news() {
        let metrics = Arc::new(Metrics::default());
        let gauge = metrics.problems.get_or_create(&labels(&problem(""))).clone();
        let mut log = ProblemLog::new(Arc::clone(&metrics));
        log.replace("a.yaml".into(), vec![problem("one"), problem("two")]);
        log.change(vec![problem("three")], vec![]);
        log.change(vec![], vec![problem("three")]);
        assert_eq!(log.new.len(), 2);
        log.flush();
        assert_eq!(gauge.get(), 2);
        log.replace("a.yaml".into(), vec![problem("two")]);
        assert_eq!((log.new.len(), log.solved.len()), (0, 1));
        log.flush();
        log.replace("a.yaml".into(), vec![]);
        log.flush();
        assert_eq!(gauge.get(), 0);
        assert!(
            metrics.text().contains("ingora_sync_problems{reason=\"PathConflict\",severity=\"warning\"} 0")
        );
    }
}
