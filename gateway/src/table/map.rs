//! A map that is copied in constant time and changed in logarithmic time.
//!
//! ```text
//!   Branch (32 children, by 5 bits of the hash) ─▶ Branch ─▶ Leaf (at most 16 entries)
//! ```
//!
//! Two generations of a table share everything but the nodes on the way to what changed, so that the work per change
//! does not grow with the number of entries. Lookups take no lock and allocate nothing. Callers bring the hash: hosts
//! and paths are hashed in different ways, see [`super::path`]. It has to be keyed with a secret, for keys are chosen
//! by strangers.

use std::sync::Arc;

const BITS: u32 = 5;
const FAN_OUT: usize = 1 << BITS;
/// Up to here a scan over hashes that lie side by side is as fast as one more level.
const LEAF: usize = 16;
/// Deeper than this no bits of a hash are left; leaves grow then.
const LAST_LEVEL: u32 = u64::BITS / BITS;

/// A persistent hash map from strings.
#[derive(Clone, Debug)]
pub struct Map<V> {
    root: Node<V>,
    len: usize,
}

#[derive(Clone, Debug)]
enum Node<V> {
    Empty,
    Leaf(Arc<[Entry<V>]>),
    Branch(Arc<[Node<V>; FAN_OUT]>),
}

#[derive(Clone, Debug)]
struct Entry<V> {
    hash: u64,
    key: Arc<str>,
    value: V,
}

impl<V> Default for Map<V> {
    fn default() -> Self {
        Self { root: Node::Empty, len: 0 }
    }
}

impl<V> Map<V> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of `key`, whose hash is `hash`.
    pub fn get(&self, hash: u64, key: &str) -> Option<&V> {
        let mut node = &self.root;
        let mut level = 0;
        loop {
            match node {
                Node::Empty => return None,
                Node::Leaf(entries) => {
                    return entries.iter().find(|entry| entry.is(hash, key)).map(|entry| &entry.value);
                }
                Node::Branch(children) => node = &children[slot(hash, level)],
            }
            level += 1;
        }
    }

    /// All entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &V)> {
        let mut nodes = vec![&self.root];
        let mut leaf: &[Entry<V>] = &[];
        std::iter::from_fn(move || {
            loop {
                if let Some((entry, rest)) = leaf.split_first() {
                    leaf = rest;
                    return Some((&entry.key, &entry.value));
                }
                match nodes.pop()? {
                    Node::Empty => {}
                    Node::Leaf(entries) => leaf = entries,
                    Node::Branch(children) => nodes.extend(children.iter()),
                }
            }
        })
    }
}

impl<V: Clone> Map<V> {
    /// Sets the value of `key`, whose hash is `hash`.
    pub fn insert(&mut self, hash: u64, key: &str, value: V) {
        if self.root.insert(0, Entry { hash, key: key.into(), value }) {
            self.len += 1;
        }
    }

    /// The value of `key`, to be changed in place; what other generations share is copied first.
    pub fn get_mut(&mut self, hash: u64, key: &str) -> Option<&mut V> {
        // Nothing is copied for a key that is not there.
        self.get(hash, key)?;
        let mut node = &mut self.root;
        let mut level = 0;
        loop {
            match node {
                Node::Empty => return None,
                Node::Leaf(entries) => {
                    let entries = Arc::make_mut(entries);
                    return entries
                        .iter_mut()
                        .find(|entry| entry.is(hash, key))
                        .map(|entry| &mut entry.value);
                }
                Node::Branch(children) => node = &mut Arc::make_mut(children)[slot(hash, level)],
            }
            level += 1;
        }
    }

    /// Takes `key`, whose hash is `hash`, out.
    pub fn remove(&mut self, hash: u64, key: &str) -> Option<V> {
        let value = self.get(hash, key)?.clone();
        self.root.remove(0, hash, key);
        self.len -= 1;
        Some(value)
    }
}

impl<V> Entry<V> {
    fn is(&self, hash: u64, key: &str) -> bool {
        self.hash == hash && &*self.key == key
    }
}

impl<V: Clone> Node<V> {
    /// Whether the key is new.
    fn insert(&mut self, level: u32, new: Entry<V>) -> bool {
        match self {
            Self::Empty => *self = Self::Leaf(Arc::new([new])),
            Self::Leaf(entries) => {
                if let Some(index) = entries.iter().position(|entry| entry.is(new.hash, &new.key)) {
                    Arc::make_mut(entries)[index] = new;
                    return false;
                }
                let all = entries.iter().cloned().chain([new]);
                if entries.len() < LEAF || level >= LAST_LEVEL {
                    *entries = all.collect();
                } else {
                    let mut children = [const { Self::Empty }; FAN_OUT];
                    for entry in all {
                        children[slot(entry.hash, level)].insert(level + 1, entry);
                    }
                    *self = Self::Branch(Arc::new(children));
                }
            }
            Self::Branch(children) => {
                return Arc::make_mut(children)[slot(new.hash, level)].insert(level + 1, new);
            }
        }
        true
    }

    /// Takes a key out that is there, and gives back the nodes that are needed no more.
    fn remove(&mut self, level: u32, hash: u64, key: &str) {
        match self {
            Self::Empty => {}
            Self::Leaf(entries) if entries.len() <= 1 => *self = Self::Empty,
            Self::Leaf(entries) => {
                *entries = entries.iter().filter(|entry| !entry.is(hash, key)).cloned().collect()
            }
            Self::Branch(children) => {
                let children = Arc::make_mut(children);
                children[slot(hash, level)].remove(level + 1, hash, key);
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

fn slot(hash: u64, level: u32) -> usize {
    (hash >> (level * BITS)) as usize % FAN_OUT
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

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
                    map.insert(hash(key), &name, value);
                    model.insert(name.clone(), value);
                } else {
                    prop_assert_eq!(map.remove(hash(key), &name), model.remove(&name));
                }
                if let Some(changed) = map.get_mut(hash(key), &name) {
                    *changed = changed.wrapping_add(1);
                    model.entry(key.to_string()).and_modify(|value| *value = value.wrapping_add(1));
                }
            }
            for (map, model) in [before, (map, model)] {
                prop_assert_eq!(map.len(), model.len());
                let all: HashMap<_, _> = map.iter().map(|(key, value)| (key.to_string(), *value)).collect();
                prop_assert_eq!(&all, &model);
                for key in 0..400 {
                    prop_assert_eq!(map.get(hash(key), &key.to_string()), model.get(&key.to_string()));
                }
            }
        }
    }

    #[test]
    fn an_emptied_map_holds_no_nodes() {
        let mut map = Map::default();
        for key in 0..1000_u64 {
            map.insert(key.wrapping_mul(0x9E37_79B9_7F4A_7C15), &key.to_string(), ());
        }
        for key in 0..1000_u64 {
            map.remove(key.wrapping_mul(0x9E37_79B9_7F4A_7C15), &key.to_string());
        }
        assert!(map.is_empty() && matches!(map.root, Node::Empty));
    }
}
