//! Routes: one per path of an Ingress.

use crate::policy::{Canary, Policy};
use crate::{Host, NamespacedName, UpstreamId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The longest path a rule may name, in bytes.
pub const MAX_PATH_BYTES: usize = 4096;

/// A rule's path: starts with `/`, printable ASCII or UTF-8 without control characters or spaces, at most
/// [`MAX_PATH_BYTES`]; what no decoded path can hold, such as `//`, never matches. It is compared with the *decoded* path of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathValue(Box<str>);

impl PathValue {
    /// Checks a path; the empty path is `/`.
    ///
    /// # Errors
    /// When it does not start with `/`, is too long, or has a control character or a space.
    pub fn new(text: &str) -> Result<Self, InvalidPath> {
        let text = if text.is_empty() { "/" } else { text };
        let error = |what| Err(InvalidPath { path: text.chars().take(128).collect(), what });
        if !text.starts_with('/') {
            return error("it must start with /");
        }
        if text.len() > MAX_PATH_BYTES {
            return error("it is longer than 4096 bytes");
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return error("it has a space or a control character");
        }
        Ok(Self(text.into()))
    }

    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PathValue {
    type Error = InvalidPath;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<PathValue> for String {
    fn from(path: PathValue) -> Self {
        path.0.into()
    }
}

impl fmt::Display for PathValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A rule's path is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("path {path:?} cannot be served: {what}")]
pub struct InvalidPath {
    path: String,
    what: &'static str,
}

/// How a [`PathMatch`] compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PathKind {
    /// The whole path, byte by byte. Wins over a prefix.
    Exact,
    /// By path element: `/foo` matches `/foo`, `/foo/` and `/foo/bar`, not `/foobar`; `/foo/` matches `/foo/` and
    /// below. The longest prefix wins. ImplementationSpecific means the same, as in ingress-nginx.
    Prefix,
}

/// The path condition of a route.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PathMatch {
    /// How it compares.
    pub kind: PathKind,
    /// With what.
    pub value: PathValue,
}

/// What makes a route unique: a host serves each path condition at most once; who wins is decided in translation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RouteKey {
    /// The host.
    pub host: Host,
    /// The path condition.
    pub path: PathMatch,
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {}", self.host, self.path.kind, self.path.value)
    }
}

/// Where a route sends requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Backend {
    /// To this upstream; without endpoints, or when no such upstream exists, the answer is 503.
    Upstream(UpstreamId),
    /// The rule names something that is not a Service (`backend.resource`): 404, as in ingress-nginx.
    NotFound,
}

/// One path of one Ingress.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Route {
    /// Which requests it takes.
    pub key: RouteKey,
    /// The Ingress it comes from, for logs, metrics and explanations.
    pub ingress: NamespacedName,
    /// Where they go.
    pub backend: Backend,
    /// What the annotations of its Ingress ask for.
    pub policy: Arc<Policy>,
    /// Other backends for some of its requests, the oldest canary Ingress first.
    pub canaries: Vec<Canary>,
}

impl Route {
    /// A route of an Ingress whose annotations ask for nothing.
    pub fn new(key: RouteKey, ingress: NamespacedName, backend: Backend) -> Self {
        Self { key, ingress, backend, policy: Arc::default(), canaries: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_with_a_slash_and_carry_no_control_characters() {
        assert_eq!(PathValue::new("").unwrap().as_str(), "/");
        assert!(PathValue::new("/ünï").is_ok());
        for text in ["foo", "/a b", "/a\nb", "/a\u{0}"] {
            assert!(PathValue::new(text).is_err(), "{text:?} must be refused");
        }
        assert!(PathValue::new(&format!("/{}", "a".repeat(MAX_PATH_BYTES))).is_err());
    }
}
