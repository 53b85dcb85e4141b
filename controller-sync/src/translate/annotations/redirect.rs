//! `permanent-redirect`, `temporal-redirect`: every request is sent elsewhere.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use ingora_config::policy::Redirect;

pub(super) const ROWS: &[Row] = &[
    Row::new("temporal-redirect", "redirect", Scope::Location, Risk::Medium, OnBad::Reject, Support::Full),
    Row::new("temporal-redirect-code", "redirect", Scope::Location, Risk::Low, OnBad::Reject, Support::Full),
    Row::new("permanent-redirect", "redirect", Scope::Location, Risk::Medium, OnBad::Reject, Support::Full),
    Row::new("permanent-redirect-code", "redirect", Scope::Location, Risk::Low, OnBad::Reject, Support::Full),
];

/// What the annotations of the feature ask for; `None` without any.
pub(super) fn read(_reader: &mut Reader<'_, '_>) -> Option<Redirect> {
    None
}
