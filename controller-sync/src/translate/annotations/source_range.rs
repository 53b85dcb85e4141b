//! `allowlist-source-range`, `denylist-source-range`: who may ask.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use ingora_config::policy::SourceRange;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "allowlist-source-range",
        "source_range",
        Scope::Location,
        Risk::Medium,
        OnBad::Deny,
        Support::Full,
    ),
    Row::new(
        "whitelist-source-range",
        "source_range",
        Scope::Location,
        Risk::Medium,
        OnBad::Deny,
        Support::Full,
    ),
    Row::new(
        "denylist-source-range",
        "source_range",
        Scope::Location,
        Risk::Medium,
        OnBad::Deny,
        Support::Full,
    ),
];

/// What the annotations of the feature ask for; `None` without any.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<SourceRange> {
    let denylist = reader.networks("denylist-source-range");
    let allowlist = reader.networks_of("allowlist-source-range", "whitelist-source-range");
    (denylist.is_some() || allowlist.is_some()).then_some(SourceRange { denylist, allowlist })
}
