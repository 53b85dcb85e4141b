//! `permanent-redirect`, `temporal-redirect`: every request is sent elsewhere.

use super::charset;
use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::quote::quoted;
use crate::translate::value::{Invalid, Parsed};
use ingora_config::policy::Redirect;

const CHALLENGES: Support = Support::Differs("a rule below /.well-known/acme-challenge/ is not redirected");
const LOCATION: Support = Support::Differs("every code comes with Location");

pub(super) const ROWS: &[Row] = &[
    Row::new("temporal-redirect", "redirect", Scope::Location, Risk::Medium, OnBad::Reject, CHALLENGES),
    Row::new("temporal-redirect-code", "redirect", Scope::Location, Risk::Low, OnBad::Reject, LOCATION),
    Row::new("permanent-redirect", "redirect", Scope::Location, Risk::Medium, OnBad::Reject, CHALLENGES),
    Row::new("permanent-redirect-code", "redirect", Scope::Location, Risk::Low, OnBad::Reject, LOCATION),
];

/// The longest location, in bytes: browsers and proxies give up on longer ones.
const MAX_LOCATION: usize = 2048;

/// What the annotations of the feature ask for; `None` without any. As in ingress-nginx a temporal redirect wins, even one that
/// cannot be used, and what is said of the permanent one is then not looked at.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Redirect> {
    let temporal = reader.parse("temporal-redirect", location);
    let temporal_code = code(reader, "temporal-redirect-code", 307, 302);
    if reader.text("temporal-redirect").is_some() {
        if reader.text("permanent-redirect").is_some() {
            let message = "temporal-redirect wins; this one is not used".to_owned();
            reader.warn("permanent-redirect", message, "remove one of the two");
        }
        let location = temporal?;
        if !has_scheme(&location) {
            let message = format!(
                "{} does not start with http:// or https://; the Ingress is served as if the annotation were not there",
                quoted(&location)
            );
            reader.warn("temporal-redirect", message, "write a whole URL; permanent-redirect takes a path");
            return None;
        }
        return Some(Redirect { code: temporal_code, location });
    }
    let location = reader.parse("permanent-redirect", location);
    let code = code(reader, "permanent-redirect-code", 308, 301);
    let location = location?;
    if !has_scheme(&location) && !location.starts_with('/') {
        let message = format!(
            "{} is neither a URL nor a path; browsers look for it beside the path that was asked for",
            quoted(&location)
        );
        reader.warn("permanent-redirect", message, "start with http://, https:// or /");
    }
    Some(Redirect { code, location })
}

/// A code of a redirect; `default` when there is none, or one that is out of range.
fn code(reader: &mut Reader<'_, '_>, name: &str, highest: u16, default: u16) -> u16 {
    let Some(asked) = reader.int(name) else { return default };
    match u16::try_from(asked) {
        Ok(code) if (300..=highest).contains(&code) => code,
        _ => {
            let message = format!("{asked} is not 300 to {highest}; the code is {default}");
            reader.warn(name, message, "write one of 301, 302, 303, 307 and 308");
            default
        }
    }
}

/// The characters that ingress-nginx allows: no variables, no fragment, no percent-encoding, and no line end.
fn location(text: &str) -> Parsed<String> {
    let allowed = |byte: u8| charset::basic(byte) || b",?&=".contains(&byte);
    if !text.bytes().all(allowed) {
        let hint = "write letters, digits and - . _ ~ / : , ? & = only; variables, # and % are not allowed";
        return Err(Invalid::new(text, "has characters that no redirect may have", hint));
    }
    if text.len() > MAX_LOCATION {
        return Err(Invalid::new(text, "is longer than 2048 bytes", "write a shorter URL"));
    }
    Ok(text.to_owned())
}

fn has_scheme(location: &str) -> bool {
    let scheme = location.split_once("://").map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_and_paths_pass_and_nothing_that_nginx_would_expand() {
        for text in ["https://b.example/a?b=c&d=e,f", "/path", "HTTP://b.example:8080/~x", "b.example"] {
            assert!(location(text).is_ok(), "{text}");
        }
        for text in ["https://b/$request_uri", "https://b/#x", "https://b/%41", "https://b/ c", "https://ä"]
        {
            assert!(location(text).is_err(), "{text}");
        }
        assert!(location(&"a".repeat(MAX_LOCATION + 1)).is_err());
    }

    proptest! {
        #[test]
        fn no_value_becomes_a_location_of_two_lines(text in "(https://b|/)[\\PC\r\n\0]{0,20}") {
            if let Ok(location) = location(&text) {
                prop_assert!(location.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
