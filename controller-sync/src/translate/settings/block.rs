//! Clients that are refused by what they say of themselves.

use super::key::Effect::Live;
use super::key::Row;
use crate::translate::value::{Invalid, Parsed};
use ingora_config::settings::{MAX_REGEX_BYTES, TextPattern};

const FORM: &str = "list of texts or ~ regular expressions";

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "block-user-agents",
        FORM,
        "",
        Live(|d, v| {
            d.settings.block.user_agents = d.list(v, read);
            Ok(())
        }),
    )
    .note("For unknown hosts, too."),
    Row::new(
        "block-referers",
        FORM,
        "",
        Live(|d, v| {
            d.settings.block.referers = d.list(v, read);
            Ok(())
        }),
    )
    .note("For unknown hosts, too."),
];

/// Reads one item, in the syntax of nginx' `map`.
fn read(text: &str) -> Parsed<TextPattern> {
    let hint = || format!("write a text, or ~ and a regular expression, of at most {MAX_REGEX_BYTES} bytes");
    let Some(pattern) = text.strip_prefix('~') else {
        let good = !text.is_empty() && text.len() <= MAX_REGEX_BYTES;
        return good
            .then(|| TextPattern::Exact(text.to_owned()))
            .ok_or_else(|| Invalid::new(text, "is empty or too long", hint()));
    };
    let (pattern, ignore_case) = match pattern.strip_prefix('*') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    TextPattern::regex(pattern.trim().to_owned(), ignore_case)
        .map_err(|_| Invalid::new(text, "is not a regular expression that can be used", hint()))
}
