//! `upstream-vhost`: another Host for the upstream.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use ingora_config::policy::UpstreamVhost;

pub(super) const ROWS: &[Row] =
    &[Row::new("upstream-vhost", "upstream_vhost", Scope::Location, Risk::Low, OnBad::Reject, Support::Full)];

/// What the annotations of the feature ask for; `None` without any.
pub(super) fn read(_reader: &mut Reader<'_, '_>) -> Option<UpstreamVhost> {
    None
}
