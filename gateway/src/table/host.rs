//! The paths of one host.
//!
//! Rules are filed by their path without a slash at its end; what they match then depends on what follows in the
//! request (see [`super::path`]):
//!
//! | rule | filed as | matches when it is followed by |
//! | --- | --- | --- |
//! | Exact `/a` | `exact` of `/a` | nothing |
//! | Exact `/a/` | `exact_slash` of `/a` | a slash |
//! | Prefix `/a` | `prefix` of `/a` | anything |
//! | Prefix `/a/` | `prefix_slash` of `/a` | a slash or more |
//! | Exact `/` | `exact` of the root | nothing |
//! | Prefix `/` | `prefix` of the root | anything |
//!
//! A host in regex mode keeps its rules in [`super::regex`] besides.
//!
//! The rules of the root stand in the host itself: most hosts have no others, and a lookup ends there. Else one walk, no
//! deeper than the deepest rule, finds the longest; a request with thousands of slashes costs no more than one with as
//! many as that.

use super::key::Key;
use super::map::{Keyed, Map};
use super::path::{Rest, Steps};
use super::regex::RegexPaths;
use super::route::CompiledRoute;
use crate::host_tls::HostTls;
use ahash::RandomState;
use ingora_config::{Host, HostRole, PathKind, PathMatch, VirtualHost};
use std::sync::Arc;

/// A host and its routes. What every lookup reads comes first, side by side: it is not in the caches when there are many
/// hosts.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct HostTable {
    key: Key,
    virtual_host: Option<Arc<VirtualHost>>,
    root: Root,
    levels: Levels,
    /// Nothing special is asked of the host: no regex mode, no `app-root`, no other role than serving its routes.
    plain: bool,
    /// That of the virtual host, here so that a request need not fetch it.
    tls: bool,
    spots: Map<Spot>,
    host: Host,
    depths: Depths,
    /// In regex mode.
    regexes: Option<Box<RegexPaths>>,
    /// What is asked of handshakes and client certificates.
    asked: Option<Arc<HostTls>>,
}

/// The rules of the path `/`.
#[derive(Clone, Debug, Default)]
struct Root {
    exact: Option<Arc<CompiledRoute>>,
    prefix: Option<Arc<CompiledRoute>>,
}

/// Where a walk over the elements of a path may find something.
#[derive(Clone, Copy, Debug, Default)]
struct Levels {
    /// It ends here; 0 when there are no rules but those of the root.
    count: usize,
    /// The depths below 64 that have rules.
    used: u64,
}

/// How many rules there are per number of elements of their path, without those of the root.
#[derive(Clone, Debug, Default)]
struct Depths(
    /// The last is not 0.
    Vec<u32>,
);

/// The rules that differ only in their kind and in the slash at the end.
#[derive(Clone, Debug)]
struct Spot {
    key: Key,
    exact: Option<Arc<CompiledRoute>>,
    exact_slash: Option<Arc<CompiledRoute>>,
    prefix: Option<Arc<CompiledRoute>>,
    prefix_slash: Option<Arc<CompiledRoute>>,
}

/// What a host has for a path.
pub(super) enum FoundPath<'t> {
    Route(&'t Arc<CompiledRoute>),
    AddSlash(&'t Arc<CompiledRoute>),
    Nothing,
}

impl HostTable {
    pub(super) fn new(host: Host) -> Self {
        let key = match &host {
            Host::Exact(name) | Host::Wildcard(name) | Host::Subdomains(name) => Key::new(name.as_str()),
            // Not kept in a map.
            Host::Pattern(_) | Host::CatchAll => Key::new(""),
        };
        Self {
            key,
            virtual_host: None,
            root: Root::default(),
            levels: Levels::default(),
            plain: true,
            tls: false,
            spots: Map::default(),
            host,
            depths: Depths::default(),
            regexes: None,
            asked: None,
        }
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// What was said of the host as a whole; a host without it is not served.
    pub fn virtual_host(&self) -> Option<&VirtualHost> {
        self.virtual_host.as_deref()
    }

    /// Whether requests in clear text may be sent to HTTPS: an Ingress of the host has a tls section.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// What is asked of handshakes for the host, and of the certificates of its clients.
    pub fn asked(&self) -> Option<&Arc<HostTls>> {
        self.asked.as_ref()
    }

    /// All routes, in no particular order.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<CompiledRoute>> {
        let root = [&self.root.exact, &self.root.prefix];
        let spots = self.spots.iter().flat_map(|spot| spot.all());
        root.into_iter().chain(spots).flatten()
    }

    pub(super) fn is_served(&self) -> bool {
        self.virtual_host.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.virtual_host.is_none() && self.root.is_empty() && self.spots.is_empty()
    }

    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    /// The rules in regex mode; `None` when the host is not in it.
    pub(super) fn regexes(&self) -> Option<&RegexPaths> {
        self.regexes.as_deref()
    }

    pub(super) fn set_virtual_host(
        &mut self,
        virtual_host: Option<VirtualHost>,
        asked: Option<Arc<HostTls>>,
    ) {
        self.asked = asked;
        self.tls = virtual_host.as_ref().is_some_and(|host| host.tls);
        let regex = virtual_host.as_ref().is_some_and(|host| host.regex);
        self.plain = virtual_host
            .as_ref()
            .is_none_or(|host| host.role == HostRole::Routes && host.app_root.is_none() && !host.regex);
        self.virtual_host = virtual_host.map(Arc::new);
        if regex != self.regexes.is_some() {
            self.regexes = regex.then(|| Box::new(RegexPaths::new(self.routes())));
        }
    }

    pub(super) fn find(&self, state: &RandomState, path: &str) -> FoundPath<'_> {
        let mut best = self.root.of(path);
        for step in Steps::new(state, path).take(self.levels.count) {
            if !self.levels.may_have(step.depth) {
                continue;
            }
            let Some(spot) = self.spots.get(step.hash(), step.key) else {
                continue;
            };
            best = spot.prefix.as_ref().or(best);
            match step.rest {
                Rest::More => best = spot.prefix_slash.as_ref().or(best),
                Rest::Slash => best = spot.exact_slash.as_ref().or(spot.prefix_slash.as_ref()).or(best),
                Rest::Nothing => match (&spot.exact, &spot.prefix) {
                    (Some(exact), _) => return FoundPath::Route(exact),
                    // Only /a/ is there: nginx redirects even when a shorter prefix would match.
                    (None, None) => {
                        return spot.with_slash().map_or(FoundPath::Nothing, FoundPath::AddSlash);
                    }
                    (None, Some(_)) => {}
                },
            }
        }
        best.map_or(FoundPath::Nothing, FoundPath::Route)
    }

    pub(super) fn get(&self, state: &RandomState, path: &PathMatch) -> Option<&Arc<CompiledRoute>> {
        let step = Steps::last_of(state, path.value.as_str());
        if step.depth == 0 {
            return match path.kind {
                PathKind::Exact => self.root.exact.as_ref(),
                PathKind::Prefix => self.root.prefix.as_ref(),
            };
        }
        let spot = self.spots.get(step.hash(), step.key)?;
        match (path.kind, step.rest) {
            (PathKind::Exact, Rest::Slash) => spot.exact_slash.as_ref(),
            (PathKind::Exact, _) => spot.exact.as_ref(),
            (PathKind::Prefix, Rest::Slash) => spot.prefix_slash.as_ref(),
            (PathKind::Prefix, _) => spot.prefix.as_ref(),
        }
    }

    /// The route of the path `/`, whatever else the host has.
    pub(super) fn root(&self) -> Option<&Arc<CompiledRoute>> {
        self.root.of("/")
    }

    /// Sets or takes away the route of a path condition.
    pub(super) fn set(&mut self, state: &RandomState, path: &PathMatch, route: Option<Arc<CompiledRoute>>) {
        if let Some(regexes) = &mut self.regexes {
            regexes.set(path, route.as_ref());
        }
        let step = Steps::last_of(state, path.value.as_str());
        if step.depth == 0 {
            return match path.kind {
                PathKind::Exact => self.root.exact = route,
                PathKind::Prefix => self.root.prefix = route,
            };
        }
        let hash = step.hash();
        if self.spots.get(hash, step.key).is_none() {
            self.spots.insert(hash, Arc::new(Spot::new(step.key)));
        }
        let Some(spot) = self.spots.get_mut(hash, step.key).map(Arc::make_mut) else { return };
        let place = spot.place(path.kind, step.rest);
        let (was, is) = (place.is_some(), route.is_some());
        *place = route;
        if spot.is_empty() {
            self.spots.remove(hash, step.key);
        }
        match (was, is) {
            (false, true) => self.depths.count_in(step.depth),
            (true, false) => self.depths.count_out(step.depth),
            _ => return,
        }
        self.levels = self.depths.levels();
    }
}

impl Keyed for HostTable {
    fn key(&self) -> &[u8] {
        self.key.bytes()
    }
}

impl Root {
    fn of(&self, path: &str) -> Option<&Arc<CompiledRoute>> {
        match path {
            "/" => self.exact.as_ref().or(self.prefix.as_ref()),
            _ => self.prefix.as_ref(),
        }
    }

    fn is_empty(&self) -> bool {
        self.exact.is_none() && self.prefix.is_none()
    }
}

impl Levels {
    /// Whether a rule may have this many elements.
    fn may_have(self, depth: usize) -> bool {
        depth >= 64 || self.used >> depth & 1 == 1
    }
}

impl Depths {
    fn count_in(&mut self, depth: usize) {
        if self.0.len() <= depth {
            self.0.resize(depth + 1, 0);
        }
        self.0[depth] += 1;
    }

    fn count_out(&mut self, depth: usize) {
        self.0[depth] -= 1;
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn levels(&self) -> Levels {
        let used = self.0.iter().take(64).enumerate().filter(|(_, rules)| **rules > 0);
        Levels { count: self.0.len(), used: used.fold(0, |used, (depth, _)| used | 1 << depth) }
    }
}

impl Keyed for Spot {
    fn key(&self) -> &[u8] {
        self.key.bytes()
    }
}

impl Spot {
    fn new(key: &str) -> Self {
        Self { key: Key::new(key), exact: None, exact_slash: None, prefix: None, prefix_slash: None }
    }

    fn all(&self) -> [&Option<Arc<CompiledRoute>>; 4] {
        [&self.exact, &self.exact_slash, &self.prefix, &self.prefix_slash]
    }

    fn place(&mut self, kind: PathKind, rest: Rest) -> &mut Option<Arc<CompiledRoute>> {
        match (kind, rest) {
            (PathKind::Exact, Rest::Slash) => &mut self.exact_slash,
            (PathKind::Exact, _) => &mut self.exact,
            (PathKind::Prefix, Rest::Slash) => &mut self.prefix_slash,
            (PathKind::Prefix, _) => &mut self.prefix,
        }
    }

    fn with_slash(&self) -> Option<&Arc<CompiledRoute>> {
        self.exact_slash.as_ref().or(self.prefix_slash.as_ref())
    }

    fn is_empty(&self) -> bool {
        self.all().into_iter().all(Option::is_none)
    }
}
