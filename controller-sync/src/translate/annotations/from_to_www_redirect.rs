//! `from-to-www-redirect`: the host with or without `www.` in front redirects to this one.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};

pub(super) const ROWS: &[Row] = &[Row::new(
    "from-to-www-redirect",
    "from_to_www_redirect",
    Scope::Location,
    Risk::Low,
    OnBad::Reject,
    Support::Full,
)];

/// What the annotation asks for.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> bool {
    reader.bool("from-to-www-redirect").unwrap_or(false)
}
