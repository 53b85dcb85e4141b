//! `enable-access-log`, `enable-rewrite-log`: what is logged of the Ingress.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use ingora_config::policy::AccessLog;

pub(super) const ROWS: &[Row] = &[
    Row::new("enable-access-log", "access_log", Scope::Location, Risk::Low, OnBad::Ignore, Support::Full),
    Row::new(
        "enable-rewrite-log",
        "access_log",
        Scope::Location,
        Risk::Low,
        OnBad::Ignore,
        Support::Differs(
            "the line of the access log in JSON says it, as `rewritten`; the log of the gateway has no notices of requests",
        ),
    ),
];

/// What the annotations of the feature ask for; `None` when that is nothing out of the ordinary. As in ingress-nginx a log that the
/// ConfigMap turns off stays off.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<AccessLog> {
    let enabled = reader.bool("enable-access-log").unwrap_or(true);
    let rewrites = reader.bool("enable-rewrite-log").unwrap_or(false);
    (!enabled || rewrites).then_some(AccessLog { enabled, rewrites })
}
