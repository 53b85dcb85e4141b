//! `canary`, `canary-*`: another backend for a share of a route's requests.

use super::LoadBalance;
use crate::pattern::{self, InvalidPattern};
use crate::{NamespacedName, UpstreamId};
use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most canaries that one route has.
pub const MAX_CANARIES: usize = 16;
/// The longest `canary-by-header-pattern`, in bytes.
pub const MAX_PATTERN_BYTES: usize = 512;
/// The most memory that a compiled pattern, and its cache per thread, may take, in bytes.
const MAX_PROGRAM: usize = 64 * 1024;

/// One canary Ingress' claim on one route.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Canary {
    /// The canary Ingress.
    pub ingress: NamespacedName,
    /// Where its requests go.
    pub upstream: UpstreamId,
    /// Which requests are its own; the same for every path of the Ingress.
    pub rule: Arc<CanaryRule>,
}

/// How a canary Ingress takes its share. A request is asked for the header first, then for the cookie, then the weights
/// decide.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CanaryRule {
    /// `canary-weight`: parts of [`CanaryRule::weight_total`] of what nothing else decided; not more than that.
    pub weight: u32,
    /// `canary-weight-total`, at least 100.
    pub weight_total: u32,
    /// `canary-by-header` and what goes with it.
    pub by_header: Option<CanaryHeader>,
    /// `canary-by-cookie`: the cookie whose value `always` or `never` decides; its name is compared without regard to case.
    pub by_cookie: Option<String>,
    /// `affinity-canary-behavior`: `true` (`sticky`) keeps a client with an affinity cookie where it is; `false` (`legacy`)
    /// asks the rule of every request, and gives the clients of the canary no cookie.
    pub sticky: bool,
    /// `load-balance` and its kin of the canary Ingress itself.
    pub load_balance: Option<Box<LoadBalance>>,
}

/// A header that decides.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CanaryHeader {
    /// Its name, in lower case and with `-` for `_`: ingress-nginx takes both for the same.
    pub name: String,
    /// Which of its values decide.
    pub rule: CanaryHeaderRule,
}

/// Which values of a header decide, and what.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CanaryHeaderRule {
    /// `always` means the canary, `never` the primary; anything else decides nothing.
    AlwaysNever,
    /// `canary-by-header-value`: exactly this means the canary; anything else decides nothing.
    Value(String),
    /// `canary-by-header-pattern`: a match of this regular expression (see [`header_pattern`]) anywhere in the value means
    /// the canary; anything else decides nothing.
    Pattern(String),
    /// `canary-by-header-pattern` that cannot be used: every value means the primary, as in ingress-nginx.
    Primary,
}

/// Compiles a `canary-by-header-pattern`: it is searched anywhere in the value, by bytes, in time that grows with the
/// value alone.
///
/// # Errors
/// When it is no regular expression, needs look-around or back-references, or becomes too large.
pub fn header_pattern(text: &str) -> Result<Regex, InvalidPattern> {
    if text.len() > MAX_PATTERN_BYTES {
        return Err(InvalidPattern::TooLarge);
    }
    pattern::parse(text)?;
    let mut builder = RegexBuilder::new(text);
    builder
        .unicode(false)
        .size_limit(MAX_PROGRAM)
        .dfa_size_limit(MAX_PROGRAM)
        .build()
        .map_err(pattern::refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_searched_anywhere_and_minds_case() {
        let pattern = header_pattern("beta-[0-9]+").unwrap();
        assert!(pattern.is_match(b"x beta-12 y"));
        assert!(!pattern.is_match(b"BETA-12") && !pattern.is_match(b"beta-"));
        assert!(header_pattern("a.c").unwrap().is_match(b"a\xffc"), "values are bytes");
    }

    #[test]
    fn what_takes_more_than_linear_time_or_much_memory_is_refused() {
        let long = "a".repeat(MAX_PATTERN_BYTES + 1);
        for text in ["(", "(?=x)y", r"(a)\1", "(((a{1,100}){1,100}){1,100})", &long] {
            assert!(header_pattern(text).is_err(), "{text}");
        }
    }
}
