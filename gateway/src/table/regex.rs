//! The paths of a host in regex mode: an ordered list, tried one after the other.
//!
//! As in ingress-nginx the longest path *as written* comes first, whatever it matches; the first that matches takes the
//! request. A look-up costs a comparison of the literal start for each path and the regular expression for those that share it:
//! slower than the maps of [`super::host`], in proportion to the number of paths of this one host.

use super::host::FoundPath;
use super::route::CompiledRoute;
use crate::request_path;
use ingora_config::{PathKind, PathMatch, PathPattern};
use std::cmp::Ordering;
use std::sync::Arc;

/// The routes of one host in the order in which they are tried.
#[derive(Clone, Debug, Default)]
pub(super) struct RegexPaths(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    pattern: Arc<PathPattern>,
    route: Arc<CompiledRoute>,
}

impl RegexPaths {
    pub(super) fn new<'r>(routes: impl Iterator<Item = &'r Arc<CompiledRoute>>) -> Self {
        let mut entries: Vec<Entry> = routes.map(Entry::new).collect();
        entries.sort_by(|a, b| order(a.path(), b.path()));
        Self(entries)
    }

    /// Sets or takes away the route of a path condition. No other route's expression is compiled for it.
    pub(super) fn set(&mut self, path: &PathMatch, route: Option<&Arc<CompiledRoute>>) {
        let place = self.0.binary_search_by(|entry| order(entry.path(), path));
        match (place, route.map(Entry::new)) {
            (Ok(at), Some(entry)) => self.0[at] = entry,
            (Err(at), Some(entry)) => self.0.insert(at, entry),
            (Ok(at), None) => drop(self.0.remove(at)),
            (Err(_), None) => {}
        }
    }

    /// The first route that takes a normal path.
    pub(super) fn find(&self, path: &str) -> FoundPath<'_> {
        let bytes = request_path::bytes(path);
        let found = self.0.iter().find(|entry| entry.pattern.is_match(&bytes));
        found.map_or(FoundPath::Nothing, |entry| FoundPath::Route(&entry.route))
    }
}

impl Entry {
    fn new(route: &Arc<CompiledRoute>) -> Self {
        Self { pattern: Arc::clone(route.pattern()), route: Arc::clone(route) }
    }

    fn path(&self) -> &PathMatch {
        &self.route.route.key.path
    }
}

/// The longest first; of the same length the last in the alphabet; of the same path Exact first.
fn order(a: &PathMatch, b: &PathMatch) -> Ordering {
    let exact = |path: &PathMatch| path.kind == PathKind::Exact;
    let (left, right) = (a.value.as_str(), b.value.as_str());
    right.len().cmp(&left.len()).then_with(|| right.cmp(left)).then_with(|| exact(b).cmp(&exact(a)))
}
