//! `canary`, `canary-*`: another backend for a share of a route's requests.

use crate::{NamespacedName, UpstreamId};
use serde::{Deserialize, Serialize};

/// One canary Ingress' claim on one route.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Canary {
    /// The canary Ingress.
    pub ingress: NamespacedName,
    /// Where its requests go.
    pub upstream: UpstreamId,
    /// `canary-weight`: parts of [`Canary::weight_total`] of what nothing else decided.
    pub weight: u32,
    /// `canary-weight-total`, at least 100.
    pub weight_total: u32,
    /// `canary-by-header` and what goes with it.
    pub by_header: Option<CanaryHeader>,
    /// `canary-by-cookie`: the cookie whose value `always` or `never` decides.
    pub by_cookie: Option<String>,
    /// `affinity-canary-behavior`: `true` (`sticky`) keeps a client with an affinity cookie where it is.
    pub sticky: bool,
}

/// A header that decides.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CanaryHeader {
    /// Its name, in lower case.
    pub name: String,
    /// Which of its values decide.
    pub rule: CanaryHeaderRule,
}

/// Which values of a header decide, and what.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CanaryHeaderRule {
    /// `always` means the canary, `never` the primary; anything else decides nothing.
    AlwaysNever,
    /// `canary-by-header-value`: exactly this means the canary.
    Value(String),
    /// `canary-by-header-pattern`: a match of this regular expression anywhere in the value means the canary.
    Pattern(String),
}
