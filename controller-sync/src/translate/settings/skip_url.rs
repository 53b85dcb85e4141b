//! One item of `skip-access-log-urls`, in the syntax of nginx' `map`.

use crate::translate::value::{Invalid, Parsed};
use ingora_config::settings::{MAX_REGEX_BYTES, TextPattern};

/// Reads it.
pub(super) fn read(text: &str) -> Parsed<TextPattern> {
    let hint = || format!("write a path, or ~ and a regular expression of at most {MAX_REGEX_BYTES} bytes");
    let Some(pattern) = text.strip_prefix('~') else {
        let good = text.starts_with('/') && text.len() <= MAX_REGEX_BYTES;
        let pattern = good.then(|| TextPattern::Exact(text.to_owned()));
        return pattern.ok_or_else(|| Invalid::new(text, "is not a path", hint()));
    };
    let (pattern, ignore_case) = match pattern.strip_prefix('*') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    TextPattern::regex(pattern.trim().to_owned(), ignore_case)
        .map_err(|_| Invalid::new(text, "is not a regular expression that can be used", hint()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_expressions_are_told_apart() {
        assert_eq!(read("/healthz"), Ok(TextPattern::Exact("/healthz".into())));
        let ignore_case = |text: &str| match read(text) {
            Ok(TextPattern::Regex { ignore_case, .. }) => Some(ignore_case),
            _ => None,
        };
        assert_eq!((ignore_case("~^/live"), ignore_case("~*^/LIVE")), (Some(false), Some(true)));
        for text in ["", "healthz", "~(", "~(a{1000}){1000}"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
