//! A map that is copied in constant time and changed in logarithmic time.
//!
//! ```text
//!   Branch (64 children, by 6 bits of the hash) ─▶ Branch ─▶ Leaf (at most 32 hashes side by side) ─▶ T: key and value
//! ```
//!
//! Two generations of a table share everything but the nodes on the way to what changed, so that the work per change
//! does not grow with the number of entries. Lookups take no lock and allocate nothing. Callers bring the hash: hosts
//! and paths are hashed in different ways, see [`super::path`]. It has to be keyed with a secret, for keys are chosen
//! by strangers.
//!
//! What a lookup waits for is memory. In a large map the first two branches are in the processor's cache, for all
//! lookups share them; the leaf and the entry are not. The hash decides before anything of an entry is touched, and
//! key and value lie side by side (`super::key`), so that these two are all there is to wait for.

use std::sync::Arc;

const BITS: u32 = 6;
const FAN_OUT: usize = 1 << BITS;
/// Up to here a scan over hashes that lie side by side is as fast as one more level.
const LEAF: usize = 32;
/// Deeper than this no bits of a hash are left; leaves grow then.
const LAST_LEVEL: u32 = u64::BITS / BITS;

/// What a [`Map`] holds.
pub trait Keyed {
    /// What it is found by; it never changes.
    fn key(&self) -> &[u8];
}

/// A persistent hash map of values that know their own key.
#[derive(Debug)]
pub struct Map<T> {
    root: Node<T>,
    len: usize,
}

#[derive(Debug)]
enum Node<T> {
    Empty,
    Leaf(Arc<[Slot<T>]>),
    Branch(Arc<[Node<T>; FAN_OUT]>),
}

#[derive(Debug)]
struct Slot<T> {
    hash: u64,
    entry: Arc<T>,
}

// Written out, because what is shared need not be `Clone`.
impl<T> Clone for Map<T> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone(), len: self.len }
    }
}

impl<T> Clone for Node<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Empty => Self::Empty,
            Self::Leaf(slots) => Self::Leaf(Arc::clone(slots)),
            Self::Branch(children) => Self::Branch(Arc::clone(children)),
        }
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self { hash: self.hash, entry: Arc::clone(&self.entry) }
    }
}

impl<T> Default for Map<T> {
    fn default() -> Self {
        Self { root: Node::Empty, len: 0 }
    }
}

impl<T> Map<T> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        let mut nodes = vec![&self.root];
        let mut leaf: &[Slot<T>] = &[];
        std::iter::from_fn(move || {
            loop {
                if let Some((slot, rest)) = leaf.split_first() {
                    leaf = rest;
                    return Some(&slot.entry);
                }
                match nodes.pop()? {
                    Node::Empty => {}
                    Node::Leaf(slots) => leaf = slots,
                    Node::Branch(children) => nodes.extend(children.iter()),
                }
            }
        })
    }
}

impl<T: Keyed> Map<T> {
    /// The entry of `key`, whose hash is `hash`.
    pub fn get(&self, hash: u64, key: &str) -> Option<&Arc<T>> {
        let mut node = &self.root;
        let mut level = 0;
        loop {
            #[cfg(test)]
            steps::count();
            match node {
                Node::Empty => return None,
                Node::Leaf(slots) => {
                    return slots.iter().find(|slot| slot.is(hash, key)).map(|slot| &slot.entry);
                }
                Node::Branch(children) => node = &children[place(hash, level)],
            }
            level += 1;
        }
    }

    /// Puts an entry, whose key has the hash `hash`, into the place of the one before.
    pub fn insert(&mut self, hash: u64, entry: Arc<T>) {
        if self.root.insert(0, Slot { hash, entry }) {
            self.len += 1;
        }
    }

    /// The entry of `key`, to be changed in place; nodes that other generations share are copied first.
    pub fn get_mut(&mut self, hash: u64, key: &str) -> Option<&mut Arc<T>> {
        // Nothing is copied for a key that is not there.
        self.get(hash, key)?;
        let mut node = &mut self.root;
        let mut level = 0;
        loop {
            match node {
                Node::Empty => return None,
                Node::Leaf(slots) => {
                    let slots = Arc::make_mut(slots);
                    return slots.iter_mut().find(|slot| slot.is(hash, key)).map(|slot| &mut slot.entry);
                }
                Node::Branch(children) => node = &mut Arc::make_mut(children)[place(hash, level)],
            }
            level += 1;
        }
    }

    /// Takes `key`, whose hash is `hash`, out.
    pub fn remove(&mut self, hash: u64, key: &str) -> Option<Arc<T>> {
        let entry = Arc::clone(self.get(hash, key)?);
        self.root.remove(0, hash, key);
        self.len -= 1;
        Some(entry)
    }
}

impl<T: Keyed> Slot<T> {
    fn is(&self, hash: u64, key: &str) -> bool {
        self.hash == hash && self.entry.key() == key.as_bytes()
    }
}

impl<T: Keyed> Node<T> {
    /// Whether the key is new.
    fn insert(&mut self, level: u32, new: Slot<T>) -> bool {
        match self {
            Self::Empty => *self = Self::Leaf(Arc::new([new])),
            Self::Leaf(slots) => {
                let same = |slot: &Slot<T>| slot.hash == new.hash && slot.entry.key() == new.entry.key();
                if let Some(index) = slots.iter().position(same) {
                    Arc::make_mut(slots)[index] = new;
                    return false;
                }
                let all = slots.iter().cloned().chain([new]);
                if slots.len() < LEAF || level >= LAST_LEVEL {
                    *slots = all.collect();
                } else {
                    let mut children = [const { Self::Empty }; FAN_OUT];
                    for slot in all {
                        children[place(slot.hash, level)].insert(level + 1, slot);
                    }
                    *self = Self::Branch(Arc::new(children));
                }
            }
            Self::Branch(children) => {
                return Arc::make_mut(children)[place(new.hash, level)].insert(level + 1, new);
            }
        }
        true
    }

    /// Takes a key out that is there, and gives back the nodes that are needed no more.
    fn remove(&mut self, level: u32, hash: u64, key: &str) {
        match self {
            Self::Empty => {}
            Self::Leaf(slots) if slots.len() <= 1 => *self = Self::Empty,
            Self::Leaf(slots) => *slots = slots.iter().filter(|slot| !slot.is(hash, key)).cloned().collect(),
            Self::Branch(children) => {
                let children = Arc::make_mut(children);
                children[place(hash, level)].remove(level + 1, hash, key);
                let mut left = children.iter().filter(|child| !matches!(child, Self::Empty));
                match (left.next(), left.next()) {
                    (None, _) => *self = Self::Empty,
                    (Some(Self::Leaf(only)), None) => *self = Self::Leaf(Arc::clone(only)),
                    _ => {}
                }
            }
        }
    }
}

fn place(hash: u64, level: u32) -> usize {
    (hash >> (level * BITS)) as usize % FAN_OUT
}

/// How many nodes the lookups of this thread went through: what a test can say of their cost on any machine.
#[cfg(test)]
pub(super) mod steps {
    use std::cell::Cell;

    thread_local!(static STEPS: Cell<usize> = const { Cell::new(0) });

    pub(super) fn count() {
        STEPS.set(STEPS.get() + 1);
    }

    /// Those of `lookup` alone.
    pub(in crate::table) fn of<R>(lookup: impl FnOnce() -> R) -> (R, usize) {
        let before = STEPS.get();
        let found = lookup();
        (found, STEPS.get() - before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[derive(Clone, Debug)]
    struct Number(String, u32);

    impl Keyed for Number {
        fn key(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }

    proptest! {
        #[test]
        fn it_is_a_map_and_leaves_earlier_generations_alone(
            edits in proptest::collection::vec((0..400_u64, any::<bool>(), any::<u32>()), 0..600),
            // Few bits make collisions of the whole hash, many make deep trees.
            mask in prop_oneof![Just(0_u64), Just(7), Just(u64::MAX)],
        ) {
            let hash = |key: u64| key.wrapping_mul(0x9E37_79B9_7F4A_7C15) & mask;
            let mut map = Map::default();
            let mut model = HashMap::new();
            let mut before = (map.clone(), model.clone());
            for (index, (key, put, value)) in edits.into_iter().enumerate() {
                if index % 50 == 0 {
                    before = (map.clone(), model.clone());
                }
                let name = key.to_string();
                if put {
                    map.insert(hash(key), Arc::new(Number(name.clone(), value)));
                    model.insert(name.clone(), value);
                } else {
                    let removed = map.remove(hash(key), &name).map(|entry: Arc<Number>| entry.1);
                    prop_assert_eq!(removed, model.remove(&name));
                }
                if let Some(changed) = map.get_mut(hash(key), &name) {
                    let changed = Arc::make_mut(changed);
                    changed.1 = changed.1.wrapping_add(1);
                    model.entry(key.to_string()).and_modify(|value| *value = value.wrapping_add(1));
                }
            }
            for (map, model) in [before, (map, model)] {
                prop_assert_eq!(map.len(), model.len());
                let all: HashMap<_, _> = map.iter().map(|entry| (entry.0.clone(), entry.1)).collect();
                prop_assert_eq!(&all, &model);
                for key in 0..400 {
                    let found = map.get(hash(key), &key.to_string()).map(|entry| &entry.1);
                    prop_assert_eq!(found, model.get(&key.to_string()));
                }
            }
        }
    }

    #[test]
    fn an_emptied_map_holds_no_nodes() {
        let mut map = Map::default();
        for key in 0..1000_u64 {
            map.insert(key.wrapping_mul(0x9E37_79B9_7F4A_7C15), Arc::new(Number(key.to_string(), 0)));
        }
        for key in 0..1000_u64 {
            map.remove(key.wrapping_mul(0x9E37_79B9_7F4A_7C15), &key.to_string());
        }
        assert!(map.is_empty() && matches!(map.root, Node::Empty));
    }
}
