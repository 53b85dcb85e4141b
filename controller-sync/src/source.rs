//! Sources: where Kubernetes objects come from.
//!
//! ```text
//!   directory of YAML ─ source/file.rs ────┐
//!                      one of the two      ├─ Batch ─▶ run.rs ─▶ store ─▶ translate ─▶ publish
//!   Kubernetes API ──── source/cluster.rs ─┘
//! ```
//!
//! A source is a thread or a task that sends batches of [`Event`]s into a bounded channel; there is nothing to implement. It
//! sends everything it knows, then [`Event::Ready`] once, then changes. Nothing is published before it is ready. There is
//! one source, so that nobody has to guess which of two wins; a source that reads from several places decides that
//! itself, and is ready when all of them are.

use crate::object::{Object, ObjectKey};
use ingora_config::{Problem, SourceLocation};
use tokio::sync::mpsc;

pub mod cluster;
pub mod file;

/// How many batches may wait between a source and the loop; a source that is ahead waits, nothing is dropped.
pub const QUEUED_BATCHES: usize = 256;

/// Events that take effect together: no publication falls between them. A file, a swapped directory, one event of a
/// watch.
pub type Batch = Vec<Event>;

/// What a source says.
#[derive(Debug)]
pub enum Event {
    /// An object is new or changed; it replaces the one with the same key. The location is where it stands, when
    /// it came from a file.
    Apply(Box<Object>, Option<SourceLocation>),
    /// An object is gone.
    Delete(ObjectKey),
    /// The problems of one origin (a file, a watch) are these now, and no others.
    Problems {
        /// Whose problems; for a file its path as shown to users.
        origin: String,
        /// All of them; empty when there is none left.
        problems: Vec<Problem>,
    },
    /// Everything that existed at the start has been sent.
    Ready,
    /// An object that others name has been looked for; what was found has been sent.
    Answered(ObjectKey),
}

/// The two ends of the channel between one source and the loop.
pub fn channel() -> (mpsc::Sender<Batch>, mpsc::Receiver<Batch>) {
    mpsc::channel(QUEUED_BATCHES)
}
