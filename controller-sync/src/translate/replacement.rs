//! Replacements in what upstreams answer, as nginx writes them: `off`, or what is replaced and by what. The same for
//! annotations and for the keys of the ConfigMap.

use super::value::{Invalid, Parsed};
use ingora_config::Replacement;
use ingora_config::policy::Replacing;

/// `proxy-cookie-domain`, `proxy-cookie-path`: both sides in one value.
pub(super) fn pair(text: &str) -> Parsed<Replacing> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        ["off"] => Ok(Replacing::Off),
        [from, to] => sides(from, to),
        _ => Err(Invalid::new(
            text,
            "is not two words",
            "write off, or what is replaced, a space, and by what",
        )),
    }
}

/// `proxy-redirect-from` and `proxy-redirect-to`. `default` changes nothing, as in ingress-nginx: it stands for the name of
/// an upstream that no backend ever hears.
pub(super) fn redirect(from: &str, to: &str) -> Parsed<Replacing> {
    match (from, to) {
        ("off" | "default", _) | (_, "off") => Ok(Replacing::Off),
        (from, to) => sides(from, to),
    }
}

/// The same for a ConfigMap, where `off` is what holds anyway.
pub(super) fn unless_off(replacing: Replacing) -> Option<Replacing> {
    replacing.replacement().is_some().then_some(replacing)
}

/// `proxy-redirect-from` by itself.
pub(super) fn from(text: &str) -> Parsed<String> {
    one_word(text).and_then(|word| sides(&word, "/").map(|_| word))
}

/// `proxy-redirect-to` by itself; its groups have to wait for the other side.
pub(super) fn to(text: &str) -> Parsed<String> {
    one_word(text).and_then(|word| sides("~.", &word).map(|_| word))
}

fn one_word(text: &str) -> Parsed<String> {
    let word = text.trim();
    if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Invalid::new(
            text,
            "is not one word of printable ASCII",
            "write off, a URL or the start of one",
        ));
    }
    Ok(word.to_owned())
}

fn sides(from: &str, to: &str) -> Parsed<Replacing> {
    let hint = "see docs/annotations/proxy_redirect.md and docs/annotations/proxy_cookie.md";
    let invalid =
        |error: &dyn std::fmt::Display| Invalid::new(&format!("{from} {to}"), &error.to_string(), hint);
    Replacement::new(from, to).map(Replacing::By).map_err(|error| invalid(&error))
}
