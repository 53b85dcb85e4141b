//! `canary`, `canary-*`: which requests of a route go to another group than the route's own.
//!
//! ```text
//!   headers, oldest canary first ─▶ cookies, oldest first ─▶ one draw over all weights ─▶ the primary
//!   the first that decides, decides; a canary without endpoints leaves its requests to the primary
//! ```
//!
//! Before all that a client's session may say where it belongs ([`super::affinity`]). It is decided once per request, between the rewrite and the access phase; tries stay in the group. A route without
//! canaries has no [`Canaries`] and pays one comparison.

mod draw;
mod patterns;

pub use draw::Draw;
pub use patterns::Patterns;

use super::affinity::Side;
use crate::telemetry::RouteStats;
use crate::upstream::Group;
use crate::upstream::session::Tag;
use http::HeaderMap;
use http::header::{COOKIE, HeaderName, HeaderValue};
use ingora_config::Route;
use ingora_config::policy::{Canary, CanaryHeader, CanaryHeaderRule, CanaryRule};
use regex::bytes::Regex;
use std::sync::Arc;

/// All shares together, in the units of [`Draw`].
const WHOLE: u128 = 1 << 64;
/// A header value longer than this is not searched by a pattern, in bytes: it decides nothing.
const MAX_SEARCHED: usize = 4096;

/// The canaries of one route, the oldest first.
#[derive(Debug)]
pub struct Canaries {
    each: Box<[CanaryBackend]>,
    /// Whether any has a weight.
    weighted: bool,
    /// Whether all keep the clients that they have a session with.
    sticky: bool,
    /// Shared with the next generation, whose weights go on where these are.
    draw: Arc<Draw>,
}

/// Where a canary's requests go, and which they are.
#[derive(Debug)]
pub struct CanaryBackend {
    /// The group.
    pub group: Arc<Group>,
    /// Counters, those of the route with the name of the group as `canary`.
    pub stats: Arc<RouteStats>,
    /// As it came.
    pub rule: Arc<CanaryRule>,
    header: Option<Header>,
    cookie: Option<Box<str>>,
    /// A draw below this and not below that of the canary before is this canary's.
    up_to: u128,
}

#[derive(Debug)]
struct Header {
    name: HeaderName,
    rule: HeaderRule,
}

#[derive(Debug)]
enum HeaderRule {
    AlwaysNever,
    Value(Box<str>),
    Pattern(Arc<Regex>),
    Primary,
}

impl Canaries {
    /// Prepares the canaries of a route; `before` are those it had, `backend` finds group and counters of one.
    pub(crate) fn compile(
        route: &Route,
        before: Option<&Self>,
        patterns: &mut Patterns,
        mut backend: impl FnMut(&Canary) -> (Arc<Group>, Arc<RouteStats>),
    ) -> Option<Box<Self>> {
        let mut up_to = 0;
        let each: Box<[_]> = route
            .canaries
            .iter()
            .map(|canary| {
                let (group, stats) = backend(canary);
                up_to = (up_to + share(&canary.rule)).min(WHOLE);
                let header = canary.rule.by_header.as_ref();
                let header = header.and_then(|header| Header::compile(header, patterns));
                let cookie = canary.rule.by_cookie.as_deref().map(Into::into);
                CanaryBackend { group, stats, rule: Arc::clone(&canary.rule), header, cookie, up_to }
            })
            .collect();
        if each.is_empty() {
            return None;
        }
        let draw = before.map_or_else(|| Arc::new(Draw::random()), |before| Arc::clone(&before.draw));
        let sticky = each.iter().all(|canary| canary.rule.sticky);
        Some(Box::new(Self { each, weighted: up_to > 0, sticky, draw }))
    }

    /// The same for a client whose session says where it belongs: it stays there. Canaries that keep nobody (`legacy`) may take
    /// clients of the primary all the same.
    pub fn choose_for(&self, side: Option<Side>, headers: &HeaderMap<HeaderValue>) -> Option<usize> {
        match side {
            None => self.choose(headers),
            Some(Side::Canary(at)) => self.each.get(at)?.has_endpoints().then_some(at),
            Some(Side::Primary) if self.sticky => None,
            Some(Side::Primary) => self.choose(headers).filter(|at| !self.each[*at].rule.sticky),
        }
    }

    /// The canary whose group has this tag, if it keeps its clients.
    pub fn keeping(&self, tag: &Tag) -> Option<usize> {
        self.each.iter().position(|canary| canary.rule.sticky && canary.group.tag() == tag)
    }

    /// Which canary a request with these headers belongs to; `None` is the primary. Takes no lock and allocates nothing,
    /// except where a client sends the header of a pattern more than once.
    pub fn choose(&self, headers: &HeaderMap<HeaderValue>) -> Option<usize> {
        let by_header = || first(&self.each, |canary| canary.header.as_ref()?.decides(headers));
        let by_cookie = || first(&self.each, |canary| cookie(headers, canary.cookie.as_deref()?));
        let chosen = by_header().or_else(by_cookie).unwrap_or_else(|| self.by_weight())?;
        self.each[chosen].has_endpoints().then_some(chosen)
    }

    fn by_weight(&self) -> Option<usize> {
        if !self.weighted {
            return None;
        }
        let drawn = u128::from(self.draw.next());
        self.each.iter().position(|canary| drawn < canary.up_to)
    }

    /// The canary at a place that [`Canaries::choose`] answered.
    pub fn get(&self, at: usize) -> Option<&CanaryBackend> {
        self.each.get(at)
    }
}

impl CanaryBackend {
    /// Whether its requests can go anywhere: to an endpoint, or to the Service's own address where it asks for that.
    fn has_endpoints(&self) -> bool {
        let by_address =
            || self.rule.load_balance.as_ref().is_some_and(|balance| balance.service_upstream == Some(true));
        !self.group.is_empty() || by_address() && self.group.has_service_address()
    }
}

/// The first decision of the canaries: `Some(None)` is the primary.
fn first(all: &[CanaryBackend], decides: impl Fn(&CanaryBackend) -> Option<bool>) -> Option<Option<usize>> {
    let mut all = all.iter().enumerate();
    all.find_map(|(at, canary)| decides(canary).map(|yes| yes.then_some(at)))
}

fn share(rule: &CanaryRule) -> u128 {
    let total = u128::from(rule.weight_total.max(1));
    u128::from(rule.weight).min(total) * WHOLE / total
}

impl Header {
    /// `None` for what cannot be the name of a header, which nothing that translation makes is.
    fn compile(header: &CanaryHeader, patterns: &mut Patterns) -> Option<Self> {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        let rule = match &header.rule {
            CanaryHeaderRule::AlwaysNever => HeaderRule::AlwaysNever,
            CanaryHeaderRule::Value(value) => HeaderRule::Value(value.as_str().into()),
            CanaryHeaderRule::Pattern(text) => {
                patterns.of(text).map_or(HeaderRule::Primary, HeaderRule::Pattern)
            }
            CanaryHeaderRule::Primary => HeaderRule::Primary,
        };
        Some(Self { name, rule })
    }

    fn decides(&self, headers: &HeaderMap<HeaderValue>) -> Option<bool> {
        let mut values = headers.get_all(&self.name).iter();
        let value = values.next()?.as_bytes();
        if values.next().is_none() {
            return self.rule.decides(value);
        }
        // As nginx reads repeated lines. Such a list is neither of the words, and no value has its comma.
        match &self.rule {
            HeaderRule::AlwaysNever | HeaderRule::Value(_) => None,
            HeaderRule::Primary => Some(false),
            HeaderRule::Pattern(_) => {
                let all: Vec<_> = headers.get_all(&self.name).iter().map(HeaderValue::as_bytes).collect();
                self.rule.decides(&all.join(&b", "[..]))
            }
        }
    }
}

impl HeaderRule {
    fn decides(&self, value: &[u8]) -> Option<bool> {
        match self {
            Self::AlwaysNever => always_never(value),
            Self::Value(wanted) => (value == wanted.as_bytes()).then_some(true),
            Self::Pattern(regex) => (value.len() <= MAX_SEARCHED && regex.is_match(value)).then_some(true),
            Self::Primary => Some(false),
        }
    }
}

fn always_never(value: &[u8]) -> Option<bool> {
    match value {
        b"always" => Some(true),
        b"never" => Some(false),
        _ => None,
    }
}

/// What the first cookie of this name says; names are compared as nginx does, without regard to case.
fn cookie(headers: &HeaderMap<HeaderValue>, name: &str) -> Option<bool> {
    let lines = headers.get_all(COOKIE).iter();
    let mut pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let value = pairs.find_map(|pair| {
        let (key, value) = pair.split_at(memchr::memchr(b'=', pair)?);
        key.trim_ascii().eq_ignore_ascii_case(name.as_bytes()).then(|| value[1..].trim_ascii())
    })?;
    always_never(value)
}

#[cfg(test)]
mod tests;
