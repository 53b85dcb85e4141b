//! Who is next: lanes that take turns, and lanes within lanes.
//!
//! ```text
//!   Secret a ─┬─ client 1: ▪ ▪ ▪ ▪ ▪        next: a1, b3, a2, b3, a1, …
//!             └─ client 2: ▪
//!   Secret b ─── client 3: ▪ ▪
//! ```
//!
//! However much somebody asks for, the others wait for one piece of work of it. Who has most loses first when there is no
//! room.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Work that waits.
pub(super) trait Lane: Default {
    type Item;
    /// How much waits.
    fn len(&self) -> usize;
    /// What is next.
    fn next(&mut self) -> Option<Self::Item>;
    /// Gives up the newest of whoever has most.
    fn shed(&mut self) -> Option<Self::Item>;
}

impl<T> Lane for VecDeque<T> {
    type Item = T;

    fn len(&self) -> usize {
        self.len()
    }

    fn next(&mut self) -> Option<T> {
        self.pop_front()
    }

    fn shed(&mut self) -> Option<T> {
        self.pop_back()
    }
}

/// Lanes by key. Each that is there has work, and stands once in the order.
#[derive(Debug)]
pub(super) struct Turns<K, L> {
    lanes: HashMap<K, L>,
    order: VecDeque<K>,
    len: usize,
}

impl<K, L> Default for Turns<K, L> {
    fn default() -> Self {
        Self { lanes: HashMap::new(), order: VecDeque::new(), len: 0 }
    }
}

impl<K: Hash + Eq + Clone, L: Lane> Turns<K, L> {
    /// Puts one piece of work into a lane.
    pub(super) fn put(&mut self, key: K, put: impl FnOnce(&mut L)) {
        if !self.lanes.contains_key(&key) {
            self.order.push_back(key.clone());
        }
        put(self.lanes.entry(key).or_default());
        self.len += 1;
    }
}

impl<K: Hash + Eq + Clone, L: Lane> Lane for Turns<K, L> {
    type Item = L::Item;

    fn len(&self) -> usize {
        self.len
    }

    fn next(&mut self) -> Option<L::Item> {
        let key = self.order.pop_front()?;
        let lane = self.lanes.get_mut(&key)?;
        let item = lane.next()?;
        self.len -= 1;
        if lane.len() == 0 {
            self.lanes.remove(&key);
        } else {
            self.order.push_back(key);
        }
        Some(item)
    }

    fn shed(&mut self) -> Option<L::Item> {
        let (key, lane) = self.lanes.iter_mut().max_by_key(|(_, lane)| lane.len())?;
        let item = lane.shed()?;
        self.len -= 1;
        if lane.len() == 0 {
            let key = key.clone();
            self.lanes.remove(&key);
            self.order.retain(|other| *other != key);
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Queue = Turns<char, Turns<u8, VecDeque<&'static str>>>;

    fn queue(work: &[(char, u8, &'static str)]) -> Queue {
        let mut queue = Queue::default();
        for (secret, client, item) in work {
            queue.put(*secret, |lane| lane.put(*client, |lane| lane.push_back(item)));
        }
        queue
    }

    #[test]
    fn lanes_take_turns_whatever_waits_in_them() {
        let mut queue = queue(&[
            ('a', 1, "a1"),
            ('a', 1, "a1'"),
            ('a', 1, "a1''"),
            ('a', 2, "a2"),
            ('b', 3, "b3"),
            ('b', 3, "b3'"),
        ]);
        assert_eq!(queue.len(), 6);
        let order: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        assert_eq!(order, ["a1", "b3", "a2", "b3'", "a1'", "a1''"]);
        assert_eq!((queue.len(), queue.lanes.len(), queue.order.len()), (0, 0, 0));
    }

    #[test]
    fn who_has_most_loses_the_newest() {
        let mut queue = queue(&[('b', 3, "b3"), ('a', 1, "a1"), ('a', 2, "a2"), ('a', 1, "a1'")]);
        assert_eq!(queue.shed(), Some("a1'"));
        let mut last: Vec<_> = std::iter::from_fn(|| queue.shed()).collect();
        last.sort_unstable();
        assert_eq!(last, ["a1", "a2", "b3"]);
        assert_eq!((queue.len(), queue.lanes.len(), queue.order.len()), (0, 0, 0));
        assert_eq!(queue.next(), None);
    }
}
