//! `canary`, `canary-*`: the Ingress is another backend for a share of what an ordinary one serves.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use ingora_config::policy::CanaryHeader;

pub(super) const ROWS: &[Row] = &[
    Row::new("canary", "canary", Scope::Ingress, Risk::Low, OnBad::Ignore, Support::Full),
    Row::new("canary-weight", "canary", Scope::Ingress, Risk::Low, OnBad::Ignore, Support::Full),
    Row::new("canary-weight-total", "canary", Scope::Ingress, Risk::Low, OnBad::Ignore, Support::Full),
    Row::new("canary-by-header", "canary", Scope::Ingress, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new("canary-by-header-value", "canary", Scope::Ingress, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new(
        "canary-by-header-pattern",
        "canary",
        Scope::Ingress,
        Risk::Medium,
        OnBad::Ignore,
        Support::Full,
    ),
    Row::new("canary-by-cookie", "canary", Scope::Ingress, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new("affinity-canary-behavior", "canary", Scope::Ingress, Risk::Low, OnBad::Ignore, Support::Full),
];

/// How a canary Ingress takes its share, whatever the route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::translate) struct CanaryRule {
    /// `canary-weight`.
    pub(in crate::translate) weight: u32,
    /// `canary-weight-total`, at least 100.
    pub(in crate::translate) weight_total: u32,
    /// `canary-by-header`, `-value`, `-pattern`.
    pub(in crate::translate) by_header: Option<CanaryHeader>,
    /// `canary-by-cookie`.
    pub(in crate::translate) by_cookie: Option<String>,
    /// `affinity-canary-behavior` is not `legacy`.
    pub(in crate::translate) sticky: bool,
}

/// `Some` when the Ingress is a canary.
pub(super) fn read(_reader: &mut Reader<'_, '_>) -> Option<CanaryRule> {
    None
}
