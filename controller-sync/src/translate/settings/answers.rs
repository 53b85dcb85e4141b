//! What becomes of answers: error pages and compression.

use super::key::Effect::{Ignored, NotYet};
use super::key::{BOOL, NUMBER, Row, TEXT};

const COMPRESSION: &str = "answers pass as the upstream wrote them";
const PAGES: &str = "the upstream's error answers pass";

pub(super) const ROWS: &[Row] = &[
    Row::new("custom-http-errors", "list of statuses", "", NotYet(PAGES)),
    Row::new("disable-proxy-intercept-errors", BOOL, "false", NotYet(PAGES)),
    Row::new("use-gzip", BOOL, "false", NotYet(COMPRESSION)),
    Row::new("gzip-level", NUMBER, "1", NotYet(COMPRESSION)),
    Row::new("gzip-min-length", NUMBER, "256", NotYet(COMPRESSION)),
    Row::new("gzip-types", TEXT, "", NotYet(COMPRESSION)),
    Row::new("gzip-disable", TEXT, "", NotYet(COMPRESSION)),
    Row::new("enable-brotli", BOOL, "false", NotYet(COMPRESSION)),
    Row::new("brotli-level", NUMBER, "4", NotYet(COMPRESSION)),
    Row::new("brotli-min-length", NUMBER, "20", NotYet(COMPRESSION)),
    Row::new("brotli-types", TEXT, "", NotYet(COMPRESSION)),
    Row::new("default-type", TEXT, "text/html", Ignored("answers have the type that the upstream gave them")),
];
