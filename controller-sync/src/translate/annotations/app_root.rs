//! `app-root`: where requests for `/` are redirected.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};

pub(super) const ROWS: &[Row] =
    &[Row::new("app-root", "app_root", Scope::Location, Risk::Medium, OnBad::Ignore, Support::Full)];

/// What the annotation asks for.
pub(super) fn read(_reader: &mut Reader<'_, '_>) -> Option<String> {
    None
}
