//! One item of `skip-access-log-urls` or of `block-*`, in the syntax of nginx' `map`: a text, or `~` and an expression.

use crate::translate::value::{Invalid, Parsed};
use ingora_config::settings::{MAX_REGEX_BYTES, MapPattern};

/// Reads a path, or an expression over targets.
pub(super) fn path(text: &str) -> Parsed<MapPattern> {
    let hint = format!("write a path, or ~ and a regular expression of at most {MAX_REGEX_BYTES} bytes");
    read(text, text.starts_with('/'), "is not a path", &hint)
}

/// Reads the text of a header, or an expression over it.
pub(super) fn header(text: &str) -> Parsed<MapPattern> {
    let hint = format!("write a text, or ~ and a regular expression, of at most {MAX_REGEX_BYTES} bytes");
    read(text, !text.is_empty(), "is empty or too long", &hint)
}

/// Reads an item that may stand for itself when it is `plain`; otherwise `what` is wrong with it.
fn read(text: &str, plain: bool, what: &str, hint: &str) -> Parsed<MapPattern> {
    let Some(pattern) = text.strip_prefix('~') else {
        let pattern = (plain && text.len() <= MAX_REGEX_BYTES).then(|| MapPattern::Exact(text.to_owned()));
        return pattern.ok_or_else(|| Invalid::new(text, what, hint));
    };
    let (pattern, ignore_case) = match pattern.strip_prefix('*') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    MapPattern::regex(pattern.trim().to_owned(), ignore_case)
        .map_err(|_| Invalid::new(text, "is not a regular expression that can be used", hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_expressions_are_told_apart() {
        assert_eq!(path("/healthz"), Ok(MapPattern::Exact("/healthz".into())));
        let ignore_case = |text: &str| match path(text) {
            Ok(MapPattern::Regex { ignore_case, .. }) => Some(ignore_case),
            _ => None,
        };
        assert_eq!((ignore_case("~^/live"), ignore_case("~*^/LIVE")), (Some(false), Some(true)));
        for text in ["", "healthz", "~(", "~(a{1000}){1000}"] {
            assert!(path(text).is_err(), "{text:?}");
        }
    }
}
