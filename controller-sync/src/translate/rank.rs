//! Who wins: the older Ingress.

use crate::object::metadata::Timestamp;
use ingora_config::NamespacedName;
use std::cmp::Ordering;

/// The age of an Ingress as conflicts are decided by it: the smaller one wins. Creation time in whole seconds; in the
/// same second, and for files, which have no time, `namespace/name` *descending*, as in ingress-nginx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rank {
    pub(super) created: Option<Timestamp>,
    pub(super) id: NamespacedName,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        // Compared as the text with its slash: `a-b/x` sorts before `a/x`, unlike the pair.
        self.created.cmp(&other.created).then_with(|| text(&other.id).cmp(text(&self.id)))
    }
}

fn text(id: &NamespacedName) -> impl Iterator<Item = u8> + '_ {
    id.namespace.bytes().chain([b'/']).chain(id.name.bytes())
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(created: Option<i64>, namespace: &str, name: &str) -> Rank {
        Rank { created: created.map(Timestamp), id: NamespacedName::new(namespace, name) }
    }

    #[test]
    fn the_older_wins_then_the_later_name() {
        assert!(rank(Some(1), "a", "a") < rank(Some(2), "z", "z"));
        assert!(rank(Some(1), "a", "z") < rank(Some(1), "a", "a"));
        assert!(rank(None, "z", "a") < rank(None, "a", "z"));
        assert!(rank(Some(1), "a", "x") < rank(Some(1), "a-b", "x"), "'/' sorts after '-'");
    }

    #[test]
    fn an_ingress_without_a_time_counts_as_the_oldest() {
        assert!(rank(None, "a", "a") < rank(Some(i64::MIN), "z", "z"));
    }
}
