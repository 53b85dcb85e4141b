//! What takes effect at once.

use ingora_config::{Key, Resource};

/// One new, changed or removed resource.
#[derive(Clone, Debug)]
pub enum Change {
    /// It is new, or replaces the one with the same key.
    Upsert(Box<Resource>),
    /// It is gone.
    Remove(Key),
}

/// The changes of one commit.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The revision that is in effect afterwards.
    pub revision: u64,
    /// Whether everything that is not in it is gone.
    pub full: bool,
    /// The changes, in order.
    pub changes: Vec<Change>,
}

impl Batch {
    /// A full state.
    pub fn full(revision: u64, resources: impl IntoIterator<Item = Resource>) -> Self {
        let changes = resources.into_iter().map(|resource| Change::Upsert(Box::new(resource))).collect();
        Self { revision, full: true, changes }
    }

    /// A difference.
    pub fn difference(revision: u64, changes: impl IntoIterator<Item = Change>) -> Self {
        Self { revision, full: false, changes: changes.into_iter().collect() }
    }
}
