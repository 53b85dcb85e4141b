//! `proxy-next-upstream`: when another endpoint is tried. The key of the ConfigMap and the annotation are one list of words.

use super::value::{Invalid, Parsed};
use ingora_config::settings::NextUpstream;

/// The longest `proxy-next-upstream-timeout`: a day, in seconds.
pub(super) const MAX_TIMEOUT: i64 = 86_400;
/// The most `proxy-next-upstream-tries`.
pub(super) const MAX_TRIES: i64 = 1000;

const STATUSES: [(&str, u16); 7] = [
    ("http_500", 500),
    ("http_502", 502),
    ("http_503", 503),
    ("http_504", 504),
    ("http_403", 403),
    ("http_404", 404),
    ("http_429", 429),
];

/// Reads the words, with white space between them as in nginx.
pub(super) fn conditions(text: &str) -> Parsed<NextUpstream> {
    let mut found = NextUpstream {
        error: false,
        timeout: false,
        invalid_header: false,
        non_idempotent: false,
        statuses: Vec::new(),
    };
    let mut words = 0;
    let mut off = false;
    for word in text.split_whitespace() {
        words += 1;
        match word {
            "error" => found.error = true,
            "timeout" => found.timeout = true,
            "invalid_header" => found.invalid_header = true,
            "non_idempotent" => found.non_idempotent = true,
            "off" => off = true,
            _ => match STATUSES.iter().find(|(name, _)| *name == word) {
                Some((_, status)) if !found.statuses.contains(status) => found.statuses.push(*status),
                Some(_) => {}
                None => {
                    let hint = "write words out of error, timeout, invalid_header, http_500, http_502, http_503, \
                                http_504, http_403, http_404, http_429, non_idempotent, or off";
                    return Err(Invalid::new(word, "is no condition", hint));
                }
            },
        }
    }
    if words == 0 || (off && words > 1) {
        return Err(Invalid::new(text, "is no list of conditions", "write conditions, or off alone"));
    }
    found.statuses.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_conditions_and_off_stands_alone() {
        let found = conditions("error  http_503 http_502 non_idempotent http_503").unwrap();
        assert_eq!(
            found,
            NextUpstream {
                error: true,
                timeout: false,
                invalid_header: false,
                non_idempotent: true,
                statuses: vec![502, 503]
            }
        );
        assert!(!conditions("off").unwrap().error);
        for text in ["", "off error", "errors", "error,timeout", "http_418"] {
            assert!(conditions(text).is_err(), "{text:?}");
        }
    }
}
