//! The resources as they stand, and what changed of them.

use super::Change;
use ingora_config::{Key, Resource};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Default)]
pub(super) struct Published {
    resources: BTreeMap<Key, Arc<Resource>>,
    changes: Vec<Change>,
}

impl Published {
    /// Sets a resource; one that is as it was is no change.
    pub(super) fn set(&mut self, resource: Arc<Resource>) {
        let key = resource.key();
        if self.resources.get(&key) != Some(&resource) {
            self.changes.push(Change::Upsert(resource.clone()));
            self.resources.insert(key, resource);
        }
    }

    /// Removes a resource; one that is not there is no change.
    pub(super) fn remove(&mut self, key: Key) {
        if self.resources.remove(&key).is_some() {
            self.changes.push(Change::Remove(key));
        }
    }

    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources.values()
    }
}
