//! Strict-Transport-Security.

use super::draft::set;
use super::key::Effect::Live;
use super::key::{BOOL, Row, SECONDS};
use crate::translate::value::{boolean, number};

pub(super) const ROWS: &[Row] = &[
    Row::new("hsts", BOOL, "true", Live(|d, v| set(&mut d.settings.hsts.enabled, boolean(v))))
        .note("On every answer over TLS, and on none without."),
    Row::new(
        "hsts-include-subdomains",
        BOOL,
        "true",
        Live(|d, v| set(&mut d.settings.hsts.include_subdomains, boolean(v))),
    ),
    Row::new(
        "hsts-max-age",
        SECONDS,
        "31536000",
        Live(|d, v| set(&mut d.settings.hsts.max_age, number(v, 0..=i64::from(u32::MAX)))),
    ),
    Row::new("hsts-preload", BOOL, "false", Live(|d, v| set(&mut d.settings.hsts.preload, boolean(v)))),
];
