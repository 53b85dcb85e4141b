//! `server-alias`: further names of the hosts.

use super::charset;
use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::quote::quoted;
use crate::translate::value::{Invalid, Parsed};
use ingora_config::{Host, HostName, HostPattern};
use std::collections::BTreeSet;

const NAME: &str = "server-alias";

/// The most names of one annotation.
const MAX_ALIASES: usize = 100;
/// The most regular expressions among them: requests for unknown hosts try them one by one.
const MAX_PATTERNS: usize = 10;

pub(super) const ROWS: &[Row] = &[Row::new(
    NAME,
    "server_alias",
    Scope::Ingress,
    Risk::High,
    OnBad::Reject,
    Support::Differs(
        "hosts of Ingresses come first, wildcards too; at most 100 names and 10 regular expressions",
    ),
)];

/// What the annotation asks for, each name once, in the order in which ingress-nginx lists them.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Vec<Host> {
    let Some(words) = reader.parse(NAME, words) else { return Vec::new() };
    let mut aliases = BTreeSet::new();
    for word in words {
        match alias(&word) {
            Ok(names) => aliases.extend(names),
            // As the row says for the characters; what only our engine cannot express costs this name alone.
            Err(Bad::Value(what)) => {
                reader.bad(
                    NAME,
                    &format!("{} {what}", quoted(&word)),
                    "write names, *.name, or ~ and a regular expression",
                );
            }
            Err(Bad::Pattern(what)) => {
                let message = format!("{} {what}; the alias is not served", quoted(&word));
                reader.unusable(NAME, message, "write the alias so that it needs neither");
            }
        }
    }
    aliases.into_iter().collect()
}

fn words(text: &str) -> Parsed<Vec<String>> {
    // The alphabet of regular expressions, the comma between them, and the tilde before them.
    charset::check(text, |byte| charset::regex(byte) || matches!(byte, b',' | b' ' | b'\n'))?;
    let words: Vec<String> = split(text);
    let patterns = words.iter().filter(|word| word.starts_with('~')).count();
    if words.len() > MAX_ALIASES || patterns > MAX_PATTERNS {
        let what = format!("has more than {MAX_ALIASES} names or {MAX_PATTERNS} regular expressions");
        return Err(Invalid::new(text, &what, "make a rule for each host, or use a wildcard"));
    }
    Ok(words)
}

/// At commas, as ingress-nginx does: a comma inside a regular expression ends it there too.
fn split(text: &str) -> Vec<String> {
    text.split([',', '\n']).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

enum Bad {
    Value(&'static str),
    Pattern(String),
}

fn alias(word: &str) -> Result<Vec<Host>, Bad> {
    let name = |text: &str| HostName::new(text).map_err(|_| Bad::Value("is not a host name"));
    if let Some(pattern) = word.strip_prefix('~') {
        // `~*` is nginx' spelling for a pattern without regard to case, which all of them are.
        let pattern = HostPattern::new(pattern.strip_prefix('*').unwrap_or(pattern).trim_start());
        return Ok(vec![Host::Pattern(pattern.map_err(|error| Bad::Pattern(error.to_string()))?)]);
    }
    if let Some(parent) = word.strip_prefix("*.") {
        return Ok(vec![Host::Subdomains(name(parent)?)]);
    }
    if let Some(parent) = word.strip_prefix('.') {
        // nginx: the name itself and everything below it.
        let parent = name(parent)?;
        return Ok(vec![Host::Exact(parent.clone()), Host::Subdomains(parent)]);
    }
    Ok(vec![Host::Exact(name(word)?)])
}
