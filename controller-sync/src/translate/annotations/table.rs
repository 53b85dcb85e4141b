//! Every annotation that ingress-nginx accepts, with what Ingora does about it: the one table that problems, `ingora check`
//! and `docs/annotations.md` are fed from. The rows stand in the file of their feature.
//!
//! Names, scopes, risks and what a bad value does are those of ingress-nginx 1.15's parsers.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// One annotation.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name behind the prefix.
    pub name: &'static str,
    /// The feature it belongs to: the name of its file in every layer.
    pub feature: &'static str,
    /// What it reaches.
    pub scope: Scope,
    /// How much harm it can do; the gate `annotations-risk-level` compares with this.
    pub risk: Risk,
    /// What a bad value does.
    pub on_bad: OnBad,
    /// What Ingora does about it.
    pub support: Support,
}

impl Row {
    pub(super) const fn new(
        name: &'static str,
        feature: &'static str,
        scope: Scope,
        risk: Risk,
        on_bad: OnBad,
        support: Support,
    ) -> Self {
        Self { name, feature, scope, risk, on_bad, support }
    }
}

/// What an annotation reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The paths of its own Ingress.
    Location,
    /// Possibly more: the host, the upstream.
    Ingress,
}

/// How much harm an annotation can do in ingress-nginx' judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// None to others.
    Low,
    /// Some.
    Medium,
    /// It reaches what the Ingress' author may not reach otherwise.
    High,
    /// It is configuration text of nginx.
    Critical,
}

/// What a value that does not parse does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBad {
    /// Nothing of the Ingress is served.
    Reject,
    /// Every request to the Ingress is answered with 503.
    Deny,
    /// The Ingress is served as if the annotation were not there.
    Ignore,
}

/// What Ingora does about an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// The same as ingress-nginx.
    Full,
    /// Nearly the same; the text says what is different.
    Differs(&'static str),
    /// Nothing, and that stays.
    Refused {
        /// What is lost with it.
        guards: Guards,
        /// Why.
        why: &'static str,
        /// What to use.
        instead: &'static str,
    },
}

impl Support {
    /// One word for lists.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "supported",
            Self::Differs(_) => "supported with a difference",
            Self::Refused { .. } => "refused",
        }
    }

    /// What there is to say besides: the difference, what follows, what to use instead. Empty when there is nothing.
    pub fn note(self) -> String {
        match self {
            Self::Full => String::new(),
            Self::Differs(text) => text.to_owned(),
            Self::Refused { guards, why, instead } => format!("{why}; {}. {instead}", guards.consequence()),
        }
    }
}

impl Guards {
    /// What becomes of an Ingress with an annotation that is not acted on.
    const fn consequence(self) -> &'static str {
        match self {
            Self::Nothing => "the Ingress is served as if it were not there",
            Self::Part => "the Ingress is served, and not protected by it",
            Self::Whole => "the Ingress is not served",
        }
    }
}

/// What an annotation that is not acted on should have guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guards {
    /// Nothing: the Ingress is served without it, with a warning.
    Nothing,
    /// Part of a protection that by itself guards nothing, or a guard behind the gateway's own: an error.
    Part,
    /// Serving without it would let in whom its author keeps out: nothing of the Ingress is served.
    Whole,
}

/// All rows, by feature.
pub const TABLE: &[&[Row]] = &[
    super::rewrite::ROWS,
    super::use_regex::ROWS,
    super::app_root::ROWS,
    super::server_alias::ROWS,
    super::tls::ROWS,
    super::ssl_passthrough::ROWS,
    super::upstream_vhost::ROWS,
    super::redirect::ROWS,
    super::https_redirect::ROWS,
    super::from_to_www_redirect::ROWS,
    super::canary::ROWS,
    super::rate_limit::ROWS,
    super::source_range::ROWS,
    super::cors::ROWS,
    super::auth_tls::ROWS,
    super::basic_auth::ROWS,
    super::satisfy::ROWS,
    super::external_auth::ROWS,
    super::timeouts::ROWS,
    super::retry::ROWS,
    super::buffers::ROWS,
    super::proxy_http::ROWS,
    super::access_log::ROWS,
    super::mirror::ROWS,
    super::load_balance::ROWS,
    super::affinity::ROWS,
    super::error_pages::ROWS,
    super::custom_headers::ROWS,
    super::proxy_cookie::ROWS,
    super::proxy_redirect::ROWS,
    super::backend_protocol::ROWS,
    super::proxy_ssl::ROWS,
    super::refused::ROWS,
    super::snippet::ROWS,
];

/// All rows.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().copied().flatten()
}

/// The table as `docs/annotations.md` shows it.
pub fn to_markdown() -> String {
    let mut text = String::new();
    for feature in rows().map(|row| row.feature).collect::<BTreeSet<_>>() {
        let _ = writeln!(
            text,
            "\n### {feature}\n\n| annotation | Ingora | risk | a bad value |\n| --- | --- | --- | --- |"
        );
        for row in rows().filter(|row| row.feature == feature) {
            let note = row.support.note();
            let note = if note.is_empty() { note } else { format!(": {note}") };
            let bad = match row.on_bad {
                OnBad::Reject => "the Ingress is not served",
                OnBad::Deny => "every request gets 503",
                OnBad::Ignore => "counts as missing",
            };
            let _ =
                writeln!(text, "| `{}` | {}{note} | {:?} | {bad} |", row.name, row.support.word(), row.risk);
        }
    }
    text
}

/// The row of a name behind the prefix.
pub fn row(name: &str) -> Option<&'static Row> {
    static BY_NAME: LazyLock<HashMap<&str, &Row>> =
        LazyLock::new(|| rows().map(|row| (row.name, row)).collect());
    BY_NAME.get(name).copied()
}

#[cfg(test)]
mod tests;
