//! `server-alias`: further names of the hosts.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};

pub(super) const ROWS: &[Row] =
    &[Row::new("server-alias", "server_alias", Scope::Ingress, Risk::High, OnBad::Reject, Support::Full)];

/// What the annotation asks for.
pub(super) fn read(_reader: &mut Reader<'_, '_>) -> Vec<String> {
    Vec::new()
}
