//! Which requests meet which fault.

use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// When.
    pub(crate) at: Instant,
    /// Method and target.
    pub(crate) what: String,
}

/// What becomes of an object on its way; `None` hides it.
pub(crate) type Change = dyn Fn(Value) -> Option<Value> + Send + Sync;

/// What happens to a request.
pub(crate) enum Fault {
    /// It is answered by the proxy.
    Answer {
        /// The status code.
        status: u16,
        /// Header lines, each with its end.
        headers: &'static str,
        /// The body.
        body: String,
    },
    /// It is read and never answered; the connection stays open.
    Hang,
    /// The connection is reset.
    Reset,
    /// The objects of the answer are changed; bookmarks and everything around them stay.
    Rewrite(Box<Change>),
}

impl Fault {
    /// An error as the API server words it.
    pub(crate) fn status(status: u16, reason: &str) -> Self {
        Self::status_with(status, reason, "")
    }

    /// The same with header lines.
    pub(crate) fn status_with(status: u16, reason: &str, headers: &'static str) -> Self {
        let body = serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": format!("injected {status}"), "reason": reason, "code": status,
        });
        Self::Answer { status, headers, body: body.to_string() }
    }

    /// Changes or hides objects.
    pub(crate) fn rewrite(change: impl Fn(Value) -> Option<Value> + Send + Sync + 'static) -> Self {
        Self::Rewrite(Box::new(change))
    }
}

/// A fault and whom it meets.
pub(super) struct Rule {
    pub(super) id: u64,
    pub(super) words: &'static [&'static str],
    pub(super) fault: Arc<Fault>,
}

impl Rule {
    pub(super) fn fits(&self, what: &str) -> bool {
        contains(what, self.words)
    }
}

/// Whether a text contains all words, and none of those behind an exclamation mark.
pub(super) fn contains(what: &str, words: &[&str]) -> bool {
    words.iter().all(|word| match word.strip_prefix('!') {
        Some(word) => !what.contains(word),
        None => what.contains(word),
    })
}
