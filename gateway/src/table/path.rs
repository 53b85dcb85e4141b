//! A path as steps from the root: the form in which rules are filed and requests are looked up.
//!
//! ```text
//!   /shop/cart    ""  more   →  "/shop"  more   →  "/shop/cart"  nothing
//!   /shop/        ""  more   →  "/shop"  slash
//! ```
//!
//! The hash of each step goes on from the one before it, so that looking at all steps of a path costs one pass over it.

use ahash::{AHasher, RandomState};
use ingora_config::route::MAX_PATH_BYTES;
use std::hash::{BuildHasher, Hasher};

/// What follows a step in its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// The path ends here.
    Nothing,
    /// The path ends with a slash after this.
    Slash,
    /// Another element.
    More,
}

/// The path up to the end of one of its elements; the first step is the empty string.
pub struct Step<'p> {
    /// The path so far, without a slash at its end.
    pub key: &'p str,
    /// How many elements it has.
    pub depth: usize,
    /// What follows.
    pub rest: Rest,
    hasher: AHasher,
}

impl Step<'_> {
    /// The hash of the key, which only steps with the same [`RandomState`] share.
    pub fn hash(&self) -> u64 {
        self.hasher.finish()
    }
}

/// The steps of a path that starts with `/`. They end before a step that is longer than a rule's path can be.
pub struct Steps<'p> {
    path: &'p str,
    hasher: AHasher,
    /// Where the next step's key ends.
    end: usize,
    depth: usize,
    done: bool,
}

impl<'p> Steps<'p> {
    /// Starts at the root.
    pub fn new(state: &RandomState, path: &'p str) -> Self {
        Self { path, hasher: state.build_hasher(), end: 0, depth: 0, done: false }
    }

    /// The last step, which names a rule's path together with its [`Rest`].
    pub fn last_of(state: &RandomState, path: &'p str) -> Step<'p> {
        Self::new(state, path).last().expect("the first step is always there")
    }
}

impl<'p> Iterator for Steps<'p> {
    type Item = Step<'p>;

    fn next(&mut self) -> Option<Step<'p>> {
        if self.done || self.end > MAX_PATH_BYTES {
            return None;
        }
        let (key, rest) = self.path.split_at(self.end);
        let rest = match rest {
            "" => Rest::Nothing,
            "/" => Rest::Slash,
            _ => Rest::More,
        };
        let step = Step { key, depth: self.depth, rest, hasher: self.hasher.clone() };
        if rest == Rest::More {
            let start = self.end + 1;
            let bytes = &self.path.as_bytes()[start..];
            let length = memchr::memchr(b'/', bytes).unwrap_or(bytes.len());
            self.end = start + length;
            self.depth += 1;
            if self.end <= MAX_PATH_BYTES {
                self.hasher.write(&bytes[..length]);
            }
        } else {
            self.done = true;
        }
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(path: &str) -> Vec<(&str, Rest)> {
        Steps::new(&RandomState::new(), path).map(|step| (step.key, step.rest)).collect()
    }

    #[test]
    fn a_path_is_walked_element_by_element() {
        use Rest::{More, Nothing, Slash};
        assert_eq!(steps("/"), [("", Slash)]);
        assert_eq!(steps("/a"), [("", More), ("/a", Nothing)]);
        assert_eq!(steps("/a/b/"), [("", More), ("/a", More), ("/a/b", Slash)]);
        assert_eq!(steps("//"), [("", More), ("/", Slash)]);
    }

    #[test]
    fn the_same_key_has_the_same_hash_whatever_follows() {
        let state = RandomState::new();
        let hash = |path, depth| Steps::new(&state, path).nth(depth).map(|step| step.hash());
        assert_eq!(hash("/a/b/c", 2), hash("/a/b", 2));
        assert_eq!(hash("/a/b/", 2), Some(Steps::last_of(&state, "/a/b").hash()));
        assert_ne!(hash("/a/b", 2), hash("/ab/", 2));
    }

    #[test]
    fn steps_longer_than_any_rule_are_not_looked_at() {
        let path = format!("/a/{}/b", "x".repeat(MAX_PATH_BYTES));
        assert_eq!(steps(&path).len(), 2);
    }
}
