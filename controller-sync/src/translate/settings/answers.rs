//! What becomes of answers: error pages and compression.

use super::draft::set;
use super::key::Effect::{Ignored, Live};
use super::key::{BOOL, NUMBER, Row, SIZE, TEXT};
use crate::translate::value::{Invalid, Parsed, boolean, number, size};
use ingora_config::TextPattern;
use std::collections::BTreeSet;

/// The most media types of one list, and the longest of them in bytes.
const MAX_TYPES: usize = 128;
const MAX_TYPE_BYTES: usize = 128;

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "custom-http-errors",
        "list of statuses",
        "",
        Live(|d, v| {
            let statuses: BTreeSet<u16> = d.list(v, |item| number(item, 300..=599)).into_iter().collect();
            d.settings.error_pages.statuses = statuses.into_iter().collect();
            Ok(())
        }),
    )
    .note("Of upstreams; of the gateway itself from 400 on. The annotation's list takes its place."),
    Row::new(
        "disable-proxy-intercept-errors",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.settings.error_pages.pass_upstream, boolean(v))),
    ),
    Row::new("use-gzip", BOOL, "false", Live(|d, v| set(&mut d.settings.compression.gzip.on, boolean(v))))
        .note("See docs/annotations/compression.md before you turn it on: secrets in answers may be guessed by their length."),
    Row::new(
        "gzip-level",
        NUMBER,
        "1",
        Live(|d, v| set(&mut d.settings.compression.gzip.level, number(v, 1..=9))),
    ),
    Row::new(
        "gzip-min-length",
        SIZE,
        "256",
        Live(|d, v| set(&mut d.settings.compression.gzip.min_length, size(v))),
    ),
    Row::new(
        "gzip-types",
        "words",
        DEFAULT_TYPES,
        Live(|d, v| set(&mut d.settings.compression.gzip.types, types(v))),
    )
    .note("Media types; `*` is all of them, `text/html` goes without saying."),
    Row::new(
        "gzip-disable",
        TEXT,
        "",
        Live(|d, v| set(&mut d.settings.compression.gzip_disable, user_agents(v).map(Some))),
    )
    .note("A regular expression; clients with such a User-Agent get no gzip."),
    Row::new(
        "enable-brotli",
        BOOL,
        "false",
        Live(|d, v| set(&mut d.settings.compression.brotli.on, boolean(v))),
    )
    .note("Preferred to gzip where the client takes both alike."),
    Row::new(
        "brotli-level",
        NUMBER,
        "4",
        Live(|d, v| set(&mut d.settings.compression.brotli.level, number(v, 0..=11))),
    )
    .note("Levels above 6 work as 6: a higher one would hold up the other requests of a core."),
    Row::new(
        "brotli-min-length",
        SIZE,
        "20",
        Live(|d, v| set(&mut d.settings.compression.brotli.min_length, size(v))),
    ),
    Row::new(
        "brotli-types",
        "words",
        DEFAULT_TYPES,
        Live(|d, v| set(&mut d.settings.compression.brotli.types, types(v))),
    ),
    Row::new("default-type", TEXT, "text/html", Ignored("answers have the type that the upstream gave them")),
];

const DEFAULT_TYPES: &str = "application/atom+xml application/javascript application/json application/rss+xml application/vnd.ms-fontobject application/x-font-ttf application/x-javascript application/x-web-app-manifest+json application/xhtml+xml application/xml font/opentype image/svg+xml image/x-icon text/css text/javascript text/plain text/x-component";

/// Media types with spaces between them.
fn types(text: &str) -> Parsed<Vec<String>> {
    let word = |word: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/+-._*".contains(&byte);
        if word.len() > MAX_TYPE_BYTES || !word.bytes().all(known) || (word != "*" && !word.contains('/')) {
            return Err(Invalid::new(word, "is no media type", "write such as text/css application/json"));
        }
        Ok(word.to_ascii_lowercase())
    };
    let types: Vec<String> = text.split_whitespace().map(word).collect::<Parsed<_>>()?;
    if types.len() > MAX_TYPES {
        return Err(Invalid::new(text, "has too many media types", "write *"));
    }
    Ok(types)
}

/// `gzip-disable`; `msie6` is nginx' word for old browsers that nobody has any more.
fn user_agents(text: &str) -> Parsed<TextPattern> {
    let text = text.trim();
    if text.len() > 1024 {
        return Err(Invalid::new(text, "is longer than 1024 bytes", "shorten it"));
    }
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(Invalid::new(text, "has a character that no User-Agent has", "use printable ASCII"));
    }
    let pattern = if text == "msie6" { r"MSIE [4-6]\." } else { text };
    let hint = "write a regular expression over the User-Agent";
    TextPattern::new(&format!("~*{pattern}")).map_err(|error| Invalid::new(text, &error.to_string(), hint))
}
