//! Objects of one kind by name, each with the place it was read from.

use ingora_config::{NamespacedName, SourceLocation};
use std::collections::HashMap;

pub(super) struct Held<T>(HashMap<NamespacedName, Entry<T>>);

#[derive(PartialEq)]
pub(super) struct Entry<T> {
    pub(super) object: T,
    pub(super) location: Option<SourceLocation>,
}

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: PartialEq> Held<T> {
    /// Whether it differs from what was there. A moved object differs: its problems name its place.
    pub(super) fn insert(&mut self, id: NamespacedName, object: T, location: Option<SourceLocation>) -> bool {
        let entry = Entry { object, location };
        if self.0.get(&id) == Some(&entry) {
            return false;
        }
        self.0.insert(id, entry);
        true
    }

    pub(super) fn remove(&mut self, id: &NamespacedName) -> Option<T> {
        self.0.remove(id).map(|entry| entry.object)
    }

    pub(super) fn get(&self, id: &NamespacedName) -> Option<&Entry<T>> {
        self.0.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &NamespacedName) -> Option<&mut Entry<T>> {
        self.0.get_mut(id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &NamespacedName> {
        self.0.keys()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
