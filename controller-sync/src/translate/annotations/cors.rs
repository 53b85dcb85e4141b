//! `enable-cors`, `cors-*`: what browsers are told of other origins.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use ingora_config::policy::Cors;

pub(super) const ROWS: &[Row] = &[
    Row::new("enable-cors", "cors", Scope::Ingress, Risk::Low, OnBad::Ignore, Support::Full),
    Row::new("cors-allow-origin", "cors", Scope::Ingress, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new("cors-allow-methods", "cors", Scope::Ingress, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new("cors-allow-headers", "cors", Scope::Ingress, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new("cors-allow-credentials", "cors", Scope::Ingress, Risk::Low, OnBad::Ignore, Support::Full),
    Row::new("cors-expose-headers", "cors", Scope::Ingress, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new("cors-max-age", "cors", Scope::Ingress, Risk::Low, OnBad::Ignore, Support::Full),
];

/// What the annotations of the feature ask for; `None` without any.
pub(super) fn read(_reader: &mut Reader<'_, '_>) -> Option<Cors> {
    None
}
