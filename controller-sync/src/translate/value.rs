//! Values as ingress-nginx writes them in annotations and in its ConfigMap.

use ipnet::IpNet;
use std::net::IpAddr;

/// The most entries of a list; more is a mistake or an attack.
const MAX_LIST: usize = 1024;

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadValue {
    /// A clause that follows the quoted value, such as `is not a whole number`.
    pub(super) what: String,
    /// What to write instead.
    pub(super) hint: String,
}

impl BadValue {
    pub(super) fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }
}

/// Go's `strconv.ParseBool`.
pub(super) fn bool(text: &str) -> Result<bool, BadValue> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(BadValue::new("is neither true nor false", "write \"true\" or \"false\"")),
    }
}

/// A decimal number, a sign allowed.
pub(super) fn int(text: &str) -> Result<i64, BadValue> {
    text.parse().map_err(|_| BadValue::new("is not a whole number", "write digits only, without a unit"))
}

/// ingress-nginx' *basic* characters: letters, digits and `- . _ ~ / :`.
pub(super) fn basic(text: &str) -> Result<String, BadValue> {
    only(text, "-._~/:", "letters, digits and - . _ ~ / :")
}

/// ingress-nginx' characters of a regular expression.
pub(super) fn regex_characters(text: &str) -> Result<String, BadValue> {
    only(text, r"-._~/:^$[](){}*+?|&=\", r"letters, digits and - . _ ~ / : ^ $ [ ] ( ) { } * + ? | & = \")
}

fn only(text: &str, marks: &str, allowed: &str) -> Result<String, BadValue> {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c)) {
        return Ok(text.to_owned());
    }
    Err(BadValue::new(
        "has characters that the annotation does not take",
        format!("write nothing but {allowed}"),
    ))
}

/// Whether a regular expression has look-around or a back-reference.
pub(super) fn needs_backtracking(pattern: &str) -> bool {
    let look = ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|look| pattern.contains(look));
    look || pattern.as_bytes().windows(2).any(|pair| pair[0] == b'\\' && (b'1'..=b'9').contains(&pair[1]))
}

/// A list of addresses and networks, separated by commas; an address is a network of one.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, BadValue> {
    let entries: Vec<_> = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
    if entries.len() > MAX_LIST {
        return Err(BadValue::new(format!("has more than {MAX_LIST} entries"), "name larger networks"));
    }
    entries.into_iter().map(network).collect()
}

fn network(text: &str) -> Result<IpNet, BadValue> {
    let address = |_| text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().map(|network| network.trunc()).or_else(address).map_err(|_| {
        BadValue::new(
            "is not a list of addresses and networks",
            "write such as 10.0.0.0/8,192.0.2.7,2001:db8::/32",
        )
    })
}
