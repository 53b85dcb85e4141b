//! `limit-*`: how much one client may ask for.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::value;
use ingora_config::policy::RateLimit;

const NEGATIVE: Support =
    Support::Differs("a negative number rejects the Ingress; ingress-nginx takes it for no limit");

pub(super) const ROWS: &[Row] = &[
    Row::new("limit-rps", "rate_limit", Scope::Location, Risk::Low, OnBad::Reject, NEGATIVE),
    Row::new("limit-rpm", "rate_limit", Scope::Location, Risk::Low, OnBad::Reject, NEGATIVE),
    Row::new("limit-connections", "rate_limit", Scope::Location, Risk::Low, OnBad::Reject, NEGATIVE),
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

/// ingress-nginx lets five times the rate through at once.
const BURST_MULTIPLIER: u32 = 5;
/// The largest number nginx takes.
const MOST: i64 = i32::MAX as i64;

/// What the annotations of the feature ask for; `None` without any that limits something. A negative limit is a mistake
/// here: ingress-nginx takes it for none, and lets everybody in.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<RateLimit> {
    let mut limit = |name| reader.parse(name, |text| value::number::<u32>(text, 0..=MOST)).unwrap_or(0);
    let (rps, rpm, connections) = (limit("limit-rps"), limit("limit-rpm"), limit("limit-connections"));
    let multiplier = reader.parse("limit-burst-multiplier", |text| value::number(text, 1..=MOST));
    let mut kilobytes = |name| reader.parse(name, |text| value::number::<u64>(text, 0..=MOST));
    let (rate, rate_after) = (kilobytes("limit-rate"), kilobytes("limit-rate-after"));
    let allowlist = reader.networks_of("limit-allowlist", "limit-whitelist").unwrap_or_default();
    let limit = RateLimit {
        rps,
        rpm,
        burst_multiplier: multiplier.unwrap_or(BURST_MULTIPLIER),
        connections,
        allowlist,
        rate,
        rate_after,
    };
    let any = rps > 0 || rpm > 0 || connections > 0 || rate.is_some() || rate_after.is_some();
    any.then_some(limit)
}
