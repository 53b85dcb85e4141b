//! `rewrite-target`, `x-forwarded-prefix`: another path for the upstream.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use ingora_config::policy::Rewrite;

pub(super) const ROWS: &[Row] = &[
    Row::new("rewrite-target", "rewrite", Scope::Ingress, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new("x-forwarded-prefix", "rewrite", Scope::Location, Risk::Medium, OnBad::Reject, Support::Full),
];

/// What the annotations of the feature ask for; `None` without any.
pub(super) fn read(_reader: &mut Reader<'_, '_>) -> Option<Rewrite> {
    None
}
