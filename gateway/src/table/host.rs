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
//! | Prefix `/` | `prefix_slash` of the root | a slash or more, which is always |
//!
//! A host in regex mode keeps its rules in [`super::regex`] besides.
//!
//! One walk from the root, no deeper than the deepest rule, finds the longest; a request with thousands of slashes
//! costs no more than one with as many as that.

use super::map::Map;
use super::path::{Rest, Steps};
use super::regex::RegexPaths;
use super::route::CompiledRoute;
use crate::host_tls::HostTls;
use ahash::RandomState;
use ingora_config::{Host, HostRole, PathKind, PathMatch, VirtualHost};
use std::sync::Arc;

/// A host and its routes.
#[derive(Clone, Debug)]
pub struct HostTable {
    host: Host,
    virtual_host: Option<Arc<VirtualHost>>,
    /// That of the virtual host, here so that a request need not fetch it.
    tls: bool,
    spots: Map<Spot>,
    depths: Depths,
    /// Nothing special is asked of the host: no regex mode, no `app-root`, no other role than serving its routes.
    plain: bool,
    /// In regex mode.
    regexes: Option<RegexPaths>,
    /// What is asked of handshakes and client certificates.
    asked: Option<Arc<HostTls>>,
}

/// How many rules there are per number of elements of their path.
#[derive(Clone, Debug, Default)]
struct Depths {
    /// The last is not 0.
    rules: Vec<u32>,
    /// The length of `rules`, here so that a lookup need not fetch those.
    levels: usize,
    /// The depths below 64 that have rules, for the same reason.
    used: u64,
}

/// The rules that differ only in their kind and in the slash at the end.
#[derive(Clone, Debug, Default)]
struct Spot {
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
        Self {
            host,
            virtual_host: None,
            tls: false,
            spots: Map::default(),
            depths: Depths::default(),
            plain: true,
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
        self.spots.iter().flat_map(|(_, spot)| {
            [&spot.exact, &spot.exact_slash, &spot.prefix, &spot.prefix_slash].into_iter().flatten()
        })
    }

    pub(super) fn is_served(&self) -> bool {
        self.virtual_host.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.virtual_host.is_none() && self.spots.is_empty()
    }

    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    /// The rules in regex mode; `None` when the host is not in it.
    pub(super) fn regexes(&self) -> Option<&RegexPaths> {
        self.regexes.as_ref()
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
            self.regexes = regex.then(|| RegexPaths::new(self.routes()));
        }
    }

    pub(super) fn find(&self, state: &RandomState, path: &str) -> FoundPath<'_> {
        let mut best = None;
        for step in Steps::new(state, path).take(self.depths.levels) {
            if !self.depths.may_have(step.depth) {
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
        let spot = self.spots.get(step.hash(), step.key)?;
        match (path.kind, step.rest) {
            (PathKind::Exact, Rest::Slash) => spot.exact_slash.as_ref(),
            (PathKind::Exact, _) => spot.exact.as_ref(),
            (PathKind::Prefix, Rest::Slash) => spot.prefix_slash.as_ref(),
            (PathKind::Prefix, _) => spot.prefix.as_ref(),
        }
    }

    /// The route of the path `/`, whatever else the host has.
    pub(super) fn root(&self, state: &RandomState) -> Option<&Arc<CompiledRoute>> {
        let step = Steps::last_of(state, "/");
        let spot = self.spots.get(step.hash(), step.key)?;
        spot.exact_slash.as_ref().or(spot.prefix_slash.as_ref())
    }

    /// Sets or takes away the route of a path condition.
    pub(super) fn set(&mut self, state: &RandomState, path: &PathMatch, route: Option<Arc<CompiledRoute>>) {
        if let Some(regexes) = &mut self.regexes {
            regexes.set(path, route.as_ref());
        }
        let step = Steps::last_of(state, path.value.as_str());
        let hash = step.hash();
        if self.spots.get(hash, step.key).is_none() {
            self.spots.insert(hash, step.key, Spot::default());
        }
        let Some(spot) = self.spots.get_mut(hash, step.key) else { return };
        let place = spot.place(path.kind, step.rest);
        let (was, is) = (place.is_some(), route.is_some());
        *place = route;
        if spot.is_empty() {
            self.spots.remove(hash, step.key);
        }
        match (was, is) {
            (false, true) => self.depths.count_in(step.depth),
            (true, false) => self.depths.count_out(step.depth),
            _ => {}
        }
    }
}

impl Depths {
    /// Whether a rule may have this many elements.
    fn may_have(&self, depth: usize) -> bool {
        depth >= 64 || self.used >> depth & 1 == 1
    }

    fn count_in(&mut self, depth: usize) {
        if self.rules.len() <= depth {
            self.rules.resize(depth + 1, 0);
        }
        self.rules[depth] += 1;
        self.summarise();
    }

    fn count_out(&mut self, depth: usize) {
        self.rules[depth] -= 1;
        while self.rules.last() == Some(&0) {
            self.rules.pop();
        }
        self.summarise();
    }

    fn summarise(&mut self) {
        self.levels = self.rules.len();
        let used = self.rules.iter().take(64).enumerate().filter(|(_, rules)| **rules > 0);
        self.used = used.fold(0, |used, (depth, _)| used | 1 << depth);
    }
}

impl Spot {
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
        [&self.exact, &self.exact_slash, &self.prefix, &self.prefix_slash].into_iter().all(Option::is_none)
    }
}
