//! `enable-cors`, `cors-*`: what browsers are told of other origins.

use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::value::{self, Invalid, Parsed};
use ingora_config::policy::{AllowedOrigins, Cors, CorsOrigin};

const ORIGINS: Support = Support::Differs(
    "origins are compared as a whole; bad entries are left out, and a list of nothing else means no CORS instead of `*`; \
     `Vary: Origin` is added",
);
const CREDENTIALS: Support =
    Support::Differs("`false` takes the upstream's header away as well, and a bad value means `false`");

pub(super) const ROWS: &[Row] = &[
    Row::new("enable-cors", "cors", Scope::Ingress, Risk::Low, OnBad::Ignore, Support::Full),
    Row::new("cors-allow-origin", "cors", Scope::Ingress, Risk::Medium, OnBad::Ignore, ORIGINS),
    Row::new("cors-allow-methods", "cors", Scope::Ingress, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new("cors-allow-headers", "cors", Scope::Ingress, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new("cors-allow-credentials", "cors", Scope::Ingress, Risk::Low, OnBad::Ignore, CREDENTIALS),
    Row::new("cors-expose-headers", "cors", Scope::Ingress, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new("cors-max-age", "cors", Scope::Ingress, Risk::Low, OnBad::Ignore, Support::Full),
];

/// The longest value of a header, in bytes.
const MAX_HEADER: usize = 4096;
/// The most origins; every answer compares with all of them.
const MAX_ORIGINS: usize = 256;
/// The most entries of one list that problems are told of.
const MAX_TOLD: usize = 10;

const ALLOW_METHODS: &str = "GET, PUT, POST, DELETE, PATCH, OPTIONS";
const ALLOW_HEADERS: &str = "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization";

/// What the annotations of the feature ask for; `None` without `enable-cors`, or when no origin is left that may be answered.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Cors> {
    if reader.bool("enable-cors") != Some(true) {
        return None;
    }
    let header = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let names = "write names such as X-One,X-Two";
    let origins = origins(reader);
    let methods = reader.parse("cors-allow-methods", |text| {
        list(text, |byte| byte.is_ascii_alphabetic(), "write methods such as GET, PUT")
    });
    let allow_headers = reader.parse("cors-allow-headers", |text| list(text, header, names));
    let expose_headers = reader.parse("cors-expose-headers", |text| {
        if text == "*" { Ok(text.to_owned()) } else { list(text, |byte| header(byte) || byte == b'*', names) }
    });
    let allow_credentials = credentials(reader);
    let max_age = reader.int("cors-max-age").unwrap_or(1_728_000);
    Some(Cors {
        origins: origins?,
        allow_methods: methods.unwrap_or_else(|| ALLOW_METHODS.to_owned()),
        allow_headers: allow_headers.unwrap_or_else(|| ALLOW_HEADERS.to_owned()),
        allow_credentials,
        expose_headers,
        max_age,
    })
}

/// `cors-allow-credentials`. A value that is neither is `true` to ingress-nginx; here it gives nobody's cookies away.
fn credentials(reader: &mut Reader<'_, '_>) -> bool {
    const NAME: &str = "cors-allow-credentials";
    match reader.text(NAME).map(|text| value::boolean(&text)) {
        None => true,
        Some(Ok(allowed)) => allowed,
        Some(Err(Invalid { message, hint })) => {
            reader.warn(NAME, format!("{message}; credentials are not allowed"), &hint);
            false
        }
    }
}

/// `cors-allow-origin`. ingress-nginx takes a list that it does not understand for `*`; here what is not understood is
/// answered to nobody.
fn origins(reader: &mut Reader<'_, '_>) -> Option<AllowedOrigins> {
    const NAME: &str = "cors-allow-origin";
    let Some(text) = reader.text(NAME) else { return Some(AllowedOrigins::Any) };
    if value::items(&text).any(|item| item == "*") {
        return Some(AllowedOrigins::Any);
    }
    let value::List { items: listed, invalid } = value::list(&text, MAX_ORIGINS, origin);
    for Invalid { message, hint } in invalid.into_iter().take(MAX_TOLD) {
        reader.warn(NAME, format!("{message}; such an origin is not allowed"), &hint);
    }
    if listed.is_empty() {
        let message = "no origin is left; the Ingress is served without CORS".to_owned();
        reader.warn(NAME, message, "write such as https://www.example.com,https://*.example.com or *");
        return None;
    }
    Some(AllowedOrigins::Listed(listed))
}

/// `scheme://host[:port]`, `scheme://*.host[:port]` or `null`.
fn origin(text: &str) -> Parsed<CorsOrigin> {
    let hint = "write scheme://host[:port], without a path; *. may stand for the first label";
    let text = text.to_ascii_lowercase();
    if text == "null" {
        return Ok(CorsOrigin::Exact(text));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(Invalid::new(&text, "has no scheme", hint));
    };
    let (name, wildcard) = rest.strip_prefix("*.").map_or((rest, false), |name| (name, true));
    if !is_scheme(scheme) || !is_authority(name, wildcard) {
        return Err(Invalid::new(&text, "is not an origin", hint));
    }
    if wildcard {
        return Ok(CorsOrigin::Wildcard { scheme: format!("{scheme}://"), suffix: format!(".{name}") });
    }
    Ok(CorsOrigin::Exact(text))
}

fn is_scheme(scheme: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(rest)
}

/// A name or an address, and perhaps a port.
fn is_authority(text: &str, wildcard: bool) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        let port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return !wildcard && address.parse::<std::net::Ipv6Addr>().is_ok() && port;
    }
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !name.is_empty() && name.len() <= 253 && name.bytes().all(allowed) && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Words of `word` bytes, each with at most one comma and one space behind it, as ingress-nginx takes them: one line.
fn list(text: &str, word: impl Fn(u8) -> bool, hint: &str) -> Parsed<String> {
    if text.len() > MAX_HEADER {
        return Err(Invalid::new(text, "is longer than 4096 bytes", hint));
    }
    let line = text.replace(['\n', '\t', '\r'], " ");
    let mut rest = line.as_str();
    while !rest.is_empty() {
        let behind = rest.trim_start_matches(|c: char| u8::try_from(c).is_ok_and(&word));
        if behind.len() == rest.len() {
            return Err(Invalid::new(text, "is not a list of names with commas between them", hint));
        }
        let behind = behind.strip_prefix(',').unwrap_or(behind);
        rest = behind.strip_prefix(' ').unwrap_or(behind);
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn origins_have_a_scheme_and_a_host_and_no_path() {
        let exact = |text: &str| Ok(CorsOrigin::Exact(text.to_owned()));
        assert_eq!(origin("HTTPS://Shop.example:8443"), exact("https://shop.example:8443"));
        assert_eq!(origin("null"), exact("null"));
        assert_eq!(origin("http://[::1]:80"), exact("http://[::1]:80"));
        assert_eq!(origin("chrome-extension://abc"), exact("chrome-extension://abc"));
        let wildcard = CorsOrigin::Wildcard { scheme: "https://".into(), suffix: ".a.example:8".into() };
        assert_eq!(origin("https://*.a.example:8"), Ok(wildcard));
        for text in [
            "a.example",
            "https://",
            "https://a.example/",
            "https://*",
            "https://*.*.a",
            "https://a.*.b",
            "://a",
            "https://a:",
            "https://a:99999",
            "https://a:+1",
            "https://u@a",
            "https://a b",
            "https://a\nb",
            "https://*.",
            "https://[::1",
            "https://*.[::1]",
            "1s://a",
            "https://a.example|https://.*",
        ] {
            assert!(origin(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn lists_are_words_with_commas() {
        let letters = |text| list(text, |byte| byte.is_ascii_alphabetic(), "");
        for text in ["GET", "GET, PUT", "GET,PUT,", "GET PUT"] {
            assert_eq!(letters(text), Ok(text.to_owned()));
        }
        assert_eq!(letters("GET,\nPUT"), Ok("GET, PUT".to_owned()));
        for text in [",GET", "GET,,PUT", "GET;PUT", "GET:1", "*", "GÉT", " GET"] {
            assert!(letters(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_value_becomes_a_header_of_two_lines(text in "[\\PC\r\n\0, a-c:/*.]{0,20}") {
            let line = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            if let Ok(list) = list(&text, |byte| byte.is_ascii_alphanumeric() || byte == b'*', "") {
                prop_assert!(line(&list), "{:?}", list);
            }
            match origin(&format!("https://{text}")) {
                Ok(CorsOrigin::Exact(text)) => prop_assert!(line(&text), "{:?}", text),
                Ok(CorsOrigin::Wildcard { scheme, suffix }) => prop_assert!(line(&scheme) && line(&suffix), "{:?}", suffix),
                Err(_) => {}
            }
        }
    }
}
