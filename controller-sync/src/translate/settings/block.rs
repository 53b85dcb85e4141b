//! Clients that are refused by what they say of themselves.

use super::key::Effect::Live;
use super::key::Row;
use super::map_pattern;

const FORM: &str = "list of texts or ~ regular expressions";

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "block-user-agents",
        FORM,
        "",
        Live(|d, v| {
            d.settings.block.user_agents = d.list(v, map_pattern::header);
            Ok(())
        }),
    )
    .note("For unknown hosts, too."),
    Row::new(
        "block-referers",
        FORM,
        "",
        Live(|d, v| {
            d.settings.block.referers = d.list(v, map_pattern::header);
            Ok(())
        }),
    )
    .note("For unknown hosts, too."),
];
