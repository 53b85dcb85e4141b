//! `limit-*`: how much one client may ask for.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use ingora_config::policy::RateLimit;

pub(super) const ROWS: &[Row] = &[
    Row::new("limit-rps", "rate_limit", Scope::Location, Risk::Low, OnBad::Reject, Support::Full),
    Row::new("limit-rpm", "rate_limit", Scope::Location, Risk::Low, OnBad::Reject, Support::Full),
    Row::new("limit-connections", "rate_limit", Scope::Location, Risk::Low, OnBad::Reject, Support::Full),
    Row::new(
        "limit-burst-multiplier",
        "rate_limit",
        Scope::Location,
        Risk::Low,
        OnBad::Ignore,
        Support::Full,
    ),
    Row::new("limit-rate", "rate_limit", Scope::Location, Risk::Low, OnBad::Ignore, Support::Full),
    Row::new("limit-rate-after", "rate_limit", Scope::Location, Risk::Low, OnBad::Ignore, Support::Full),
    Row::new("limit-allowlist", "rate_limit", Scope::Location, Risk::Low, OnBad::Reject, Support::Full),
    Row::new("limit-whitelist", "rate_limit", Scope::Location, Risk::Low, OnBad::Reject, Support::Full),
];

/// What the annotations of the feature ask for; `None` without any.
pub(super) fn read(_reader: &mut Reader<'_, '_>) -> Option<RateLimit> {
    None
}
