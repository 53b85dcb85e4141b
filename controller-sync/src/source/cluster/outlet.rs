//! Where all selections bring what they hear: the one channel to the loop.
//!
//! It knows which selections have not been listed yet, and sends [`Event::Ready`] after the last of them. And it sees
//! to it that what two selections say of one name takes effect in the order in which it happened: a Secret that is
//! deleted and made again with another type leaves one selection and enters another.

use crate::object::{Kind, ObjectKey};
use crate::source::{Batch, Event};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;

/// The loop is gone.
#[derive(Debug)]
pub(super) struct Closed;

#[derive(Debug)]
pub(super) struct Outlet {
    batches: mpsc::Sender<Batch>,
    /// Selections whose first list is still to come.
    pending: AtomicUsize,
    versions: Mutex<HashMap<ObjectKey, u64>>,
}

impl Outlet {
    pub(super) fn new(batches: mpsc::Sender<Batch>, pending: usize) -> Self {
        Self { batches, pending: AtomicUsize::new(pending), versions: Mutex::default() }
    }

    pub(super) async fn send(&self, batch: Batch) -> Result<(), Closed> {
        if batch.is_empty() {
            return Ok(());
        }
        self.batches.send(batch).await.map_err(|_| Closed)
    }

    /// One more selection has delivered its first list.
    pub(super) async fn listed(&self) -> Result<(), Closed> {
        match self.pending.fetch_sub(1, Ordering::AcqRel) {
            1 => self.send(vec![Event::Ready]).await,
            _ => Ok(()),
        }
    }

    /// Drops the events that tell of something older than what is known of the same name. `version` is that of the list
    /// or of the line they come from; one that is no number orders nothing.
    pub(super) fn in_order(&self, events: &mut Vec<Event>, version: &str) {
        let shared = |kind| matches!(kind, Kind::Secret);
        let Ok(version) = version.parse::<u64>() else { return };
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        events.retain(|event| match event {
            Event::Apply(object, _) if shared(object.kind()) => {
                let known = versions.entry(object.key()).or_default();
                let newer = version >= *known;
                *known = version.max(*known);
                newer
            }
            Event::Delete(key) if shared(key.kind) => match versions.get(key) {
                Some(known) if version < *known => false,
                _ => {
                    versions.remove(key);
                    true
                }
            },
            _ => true,
        });
    }
}
