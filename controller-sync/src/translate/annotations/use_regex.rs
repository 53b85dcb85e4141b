//! `use-regex`: every path of the host is a regular expression.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};

pub(super) const ROWS: &[Row] =
    &[Row::new("use-regex", "use_regex", Scope::Location, Risk::Low, OnBad::Ignore, Support::Full)];

/// What the annotation asks for.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> bool {
    reader.bool("use-regex").unwrap_or(false)
}
