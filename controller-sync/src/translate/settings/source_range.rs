//! Who may ask at all.

use super::key::Effect::Live;
use super::key::{NETWORKS, Row};
use crate::translate::value::network;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "denylist-source-range",
        NETWORKS,
        "",
        Live(|d, v| {
            d.settings.source_range.denylist = d.list(v, network);
            Ok(())
        }),
    ),
    Row::new(
        "whitelist-source-range",
        NETWORKS,
        "",
        Live(|d, v| {
            d.settings.source_range.allowlist = d.allowed(v);
            Ok(())
        }),
    )
    .note("A list of which no item can be used lets nobody in."),
    Row::new(
        "block-cidrs",
        NETWORKS,
        "",
        Live(|d, v| {
            d.settings.source_range.block = d.list(v, network);
            Ok(())
        }),
    )
    .note("For unknown hosts, too."),
];
