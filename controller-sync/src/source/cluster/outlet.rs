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
    bearers: AtomicUsize,
    /// Who told of a name last, and of which version.
    told: Mutex<HashMap<ObjectKey, (Bearer, u64)>>,
}

/// Who brings events: one selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bearer(usize);

impl Outlet {
    pub(super) fn new(batches: mpsc::Sender<Batch>, pending: usize) -> Self {
        let pending = AtomicUsize::new(pending);
        Self { batches, pending, bearers: AtomicUsize::new(0), told: Mutex::default() }
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

    /// One more who brings events.
    pub(super) fn bearer(&self) -> Bearer {
        Bearer(self.bearers.fetch_add(1, Ordering::Relaxed))
    }

    /// Drops the events that tell of something older than what another bearer has told of the same name. `version` is
    /// that of the list or of the line they come from; one that is no number orders nothing.
    pub(super) fn in_order(&self, bearer: Bearer, events: &mut Vec<Event>, version: &str) {
        let shared = |kind| matches!(kind, Kind::Secret);
        let version = version.parse::<u64>().unwrap_or_default();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        events.retain(|event| match event {
            Event::Apply(object, _) if shared(object.kind()) => {
                let key = object.key();
                let older = told.get(&key).is_some_and(|(other, known)| *other != bearer && version < *known);
                if !older {
                    told.insert(key, (bearer, version));
                }
                !older
            }
            // Only who brought it can take it away.
            Event::Delete(key) if shared(key.kind) => {
                let own = told.get(key).is_some_and(|(other, _)| *other == bearer);
                if own {
                    told.remove(key);
                }
                own
            }
            _ => true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Object, ObjectKey};
    use ingora_config::NamespacedName;

    fn secret() -> Event {
        let json = r#"{"metadata": {"namespace": "shop", "name": "tls"}}"#;
        Event::Apply(Box::new(Object::from_json(Kind::Secret, json).unwrap()), None)
    }

    fn gone() -> Event {
        Event::Delete(ObjectKey::new(Kind::Secret, NamespacedName::new("shop", "tls")))
    }

    #[test]
    fn what_two_watches_tell_of_one_name_takes_effect_in_the_order_in_which_it_happened() {
        let outlet = Outlet::new(mpsc::channel(1).0, 1);
        let (tls, named) = (outlet.bearer(), outlet.bearer());
        let passes = |bearer, event, version: &str| {
            let mut events = vec![event];
            outlet.in_order(bearer, &mut events, version);
            !events.is_empty()
        };
        assert!(passes(tls, secret(), "10"));
        // Made again with another type; the other watch is late.
        assert!(passes(named, secret(), "20"));
        assert!(!passes(tls, secret(), "15"));
        assert!(!passes(tls, gone(), "18"));
        // So is a list, which is newer and only tells that the first one is gone.
        assert!(!passes(tls, gone(), "100"));
        assert!(passes(named, gone(), "30"));
        assert!(!passes(named, gone(), "30"));
        assert!(passes(tls, secret(), "40"));
        assert!(passes(tls, gone(), ""));
    }
}
