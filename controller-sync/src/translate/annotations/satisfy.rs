//! `satisfy`: whether the allow list and authentication hold together, or one of them is enough.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::value::word;

pub(super) const ROWS: &[Row] = &[Row::new(
    "satisfy",
    "satisfy",
    Scope::Location,
    Risk::Low,
    OnBad::Ignore,
    Support::Differs("who is on a deny list is refused, with any too"),
)];

/// Whether one of them is enough.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> bool {
    reader.parse("satisfy", |text| word(text, &[("any", true), ("all", false)])).unwrap_or(false)
}
