//! How the source gets on with the API server: metrics, one problem for each kind that may not be read, one log line when
//! an outage begins to matter and one when it is over.
//!
//! An outage changes nothing that is served. Whoever runs the cluster wants to know of it all the same: a table that
//! stands still looks exactly like one that is right.

use super::api::Failure;
use super::selection::Selection;
use crate::metrics::KindLabel;
use crate::metrics::source::{ErrorLabels, SourceMetrics};
use ingora_config::{NamespacedName, ObjectRef, Problem, Reason, Severity};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

/// How many times in a row something has to fail before the log mentions it: a connection that is made again at once is
/// no news.
const MENTION: u32 = 3;

/// How one selection gets on.
#[derive(Clone, Copy, Debug)]
struct State {
    connected: bool,
    failures: u32,
}

#[derive(Debug, Default)]
struct Book {
    /// By the name of the selection.
    states: BTreeMap<String, (&'static str, State)>,
    /// Since when nothing works that does not work, and whether the log says so.
    outage: Option<(Instant, bool)>,
}

/// How all selections get on.
#[derive(Debug)]
pub(super) struct Standing {
    metrics: SourceMetrics,
    book: Mutex<Book>,
}

impl Standing {
    pub(super) fn new(metrics: SourceMetrics) -> Self {
        Self { metrics, book: Mutex::default() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A selection that is to be connected.
    pub(super) fn begin(&self, selection: &Selection) {
        let state = State { connected: false, failures: 0 };
        let kind = selection.subject.kind();
        self.book().states.insert(selection.name(), (kind, state));
        self.metrics.connected.get_or_create(&label(kind)).set(0);
        self.metrics.since.get_or_create(&label(kind)).set(now());
    }

    /// A selection that is not wanted any more.
    pub(super) fn end(&self, selection: &Selection) {
        let mut book = self.book();
        book.states.remove(&selection.name());
        self.settle(&mut book, selection.subject.kind());
    }

    /// The API server answered with what was asked for.
    pub(super) fn connected(&self, selection: &Selection) {
        let mut book = self.book();
        if let Some((_, state)) = book.states.get_mut(&selection.name()) {
            *state = State { connected: true, failures: 0 };
        }
        self.settle(&mut book, selection.subject.kind());
    }

    /// Something was heard.
    pub(super) fn heard(&self, selection: &Selection) {
        self.metrics.last_event.get_or_create(&label(selection.subject.kind())).set(now());
    }

    /// Everything was listed.
    pub(super) fn listed(&self, selection: &Selection) {
        self.metrics.lists.get_or_create(&label(selection.subject.kind())).inc();
    }

    /// Something failed.
    pub(super) fn failed(&self, selection: &Selection, failure: &Failure) {
        let kind = selection.subject.kind();
        let labels = ErrorLabels { kind: kind.to_owned(), code: failure.code() };
        self.metrics.errors.get_or_create(&labels).inc();
        let mut book = self.book();
        let Some((_, state)) = book.states.get_mut(&selection.name()) else { return };
        // What is forbidden is a problem, not an outage, and the problem log has it.
        let failures = if failure.is_forbidden() { 0 } else { state.failures.saturating_add(1) };
        *state = State { connected: false, failures };
        self.settle(&mut book, kind);
        if failures == 0 {
            return;
        }
        let outage = book.outage.get_or_insert_with(|| (Instant::now(), false));
        if failures >= MENTION && !outage.1 {
            outage.1 = true;
            tracing::warn!(
                kind,
                since = unix(outage.0),
                "the API server cannot be read from: {failure}; what is served stays as it is until it can"
            );
        }
    }

    /// Brings the metrics of a kind and the outage in line with the states.
    fn settle(&self, book: &mut Book, kind: &'static str) {
        let connected = book.states.values().filter(|(of, _)| *of == kind).all(|(_, state)| state.connected);
        let gauge = self.metrics.connected.get_or_create(&label(kind));
        if gauge.set(i64::from(connected)) != i64::from(connected) {
            self.metrics.since.get_or_create(&label(kind)).set(now());
        }
        drop(gauge);
        let failing = book.states.values().any(|(_, state)| state.failures > 0);
        if !failing && let Some((since, true)) = book.outage.take() {
            tracing::info!(seconds = since.elapsed().as_secs(), "the API server can be read from again");
        }
    }
}

fn label(kind: &str) -> KindLabel {
    KindLabel { kind: kind.to_owned() }
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn unix(then: Instant) -> i64 {
    now() - i64::try_from(then.elapsed().as_secs()).unwrap_or_default()
}

/// What to tell about a selection that may not be read.
pub(super) fn forbidden(selection: &Selection, failure: &Failure, listed: bool) -> Problem {
    let kind = selection.subject.kind();
    let namespace = selection.namespace.clone().unwrap_or_default();
    let meanwhile = match (listed, selection.required) {
        (true, _) => "what was read before stays as it is",
        (false, true) => "nothing is published until they can be read",
        (false, false) => "it goes on as if there were none",
    };
    Problem {
        severity: Severity::Error,
        object: ObjectRef::new(kind, &NamespacedName::new(namespace, "(all)")),
        reason: Reason::KindForbidden,
        field: String::new(),
        message: format!("objects of kind {kind} may not be read ({failure}); {meanwhile}"),
        hint: format!("give the service account of ingora {}", selection.rule()),
        location: None,
    }
}
