//! `app-root`: where requests for `/` are redirected.

use super::charset;
use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::value::Invalid;

pub(super) const ROWS: &[Row] = &[Row::new(
    "app-root",
    "app_root",
    Scope::Location,
    Risk::Medium,
    OnBad::Ignore,
    Support::Differs("variables of nginx in the value are refused instead of expanded"),
)];

/// What the annotation asks for.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<String> {
    reader.parse("app-root", |text| {
        charset::check(text, charset::basic)?;
        if text.starts_with('/') {
            return Ok(text.to_owned());
        }
        Err(Invalid::new(text, "is not an absolute path", "write a path such as /app"))
    })
}
