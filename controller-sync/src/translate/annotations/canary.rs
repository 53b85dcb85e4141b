//! `canary`, `canary-*`: the Ingress is another backend for a share of what an ordinary one serves.
//!
//! Of a canary Ingress these are read and nothing else; which routes it takes part in is the work of
//! [`crate::translate`]'s slots.

use super::charset::{BASIC, REGEX, has};
use super::load_balance;
use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::quote::quoted;
use crate::translate::value::{self, Invalid, Parsed};
use ingora_config::InvalidPattern;
use ingora_config::policy::{CanaryHeader, CanaryHeaderRule, CanaryRule, MAX_PATTERN_BYTES, header_pattern};

/// The longest name of a header or cookie, in bytes.
const MAX_NAME: usize = 128;
/// The longest `canary-by-header-value`, in bytes.
const MAX_VALUE: usize = 512;
/// The largest `canary-weight-total`.
const MAX_TOTAL: i64 = 1_000_000_000;
/// What ingress-nginx takes a smaller `canary-weight-total` for.
const MIN_TOTAL: i64 = 100;
const BEHAVIOR: &[(&str, bool)] = &[("sticky", true), ("legacy", false)];
/// The most names that one message lists.
const LISTED: usize = 8;

const ROUTE: Support = Support::Differs(
    "the canary belongs to the host and path it names, not to every route of the same Service; its primary must \
     be of the same namespace; up to 16 canaries share one route",
);
const EXACT: Support = Support::Differs("the share is exact over time, not left to chance");
const PATTERN: Support = Support::Differs(
    "no look-around and no back-references; a pattern that cannot be used sends every request with the header to \
     the primary",
);
pub(super) const ROWS: &[Row] = &[
    Row::new("canary", "canary", Scope::Ingress, Risk::Low, OnBad::Ignore, ROUTE),
    Row::new("canary-weight", "canary", Scope::Ingress, Risk::Low, OnBad::Ignore, EXACT),
    Row::new("canary-weight-total", "canary", Scope::Ingress, Risk::Low, OnBad::Ignore, Support::Full),
    Row::new("canary-by-header", "canary", Scope::Ingress, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new("canary-by-header-value", "canary", Scope::Ingress, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new("canary-by-header-pattern", "canary", Scope::Ingress, Risk::Medium, OnBad::Ignore, PATTERN),
    Row::new("canary-by-cookie", "canary", Scope::Ingress, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new("affinity-canary-behavior", "canary", Scope::Ingress, Risk::Low, OnBad::Ignore, Support::Full),
];

/// Annotations of [`load_balance`], which are read from the canary Ingress itself, as in ingress-nginx.
const ITS_OWN: &[&str] = &[
    "load-balance",
    "service-upstream",
    "upstream-hash-by",
    "upstream-hash-by-subset",
    "upstream-hash-by-subset-size",
];

/// `Some` when the Ingress is a canary. What else its annotations ask for is then told and not read.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<CanaryRule> {
    if reader.bool("canary") != Some(true) {
        tell_not_enabled(reader);
        return None;
    }
    let (weight, weight_total) = weight(reader);
    let rule = CanaryRule {
        weight,
        weight_total,
        by_header: by_header(reader),
        by_cookie: reader.parse("canary-by-cookie", name),
        sticky: reader.parse("affinity-canary-behavior", |text| value::word(text, BEHAVIOR)).unwrap_or(true),
        load_balance: load_balance::read(reader).map(Box::new),
    };
    tell_ignored(reader);
    Some(rule)
}

fn tell_not_enabled(reader: &mut Reader<'_, '_>) {
    let others = ROWS.iter().map(|row| row.name).filter(|name| *name != "canary");
    let idle: Vec<_> = others.filter(|name| reader.text(name).is_some()).collect();
    if let Some(first) = idle.first() {
        let message = format!(
            "the Ingress is not a canary, so {} {} nothing and it is served as an ordinary one",
            list(&idle),
            if idle.len() == 1 { "does" } else { "do" },
        );
        reader.warn(first, message, "set canary to \"true\", or remove the others");
    }
}

/// Those that Ingora does not act on anywhere are told elsewhere.
fn tell_ignored(reader: &mut Reader<'_, '_>) {
    let acted_on = |name: &str| {
        let support = super::table::row(name).map(|row| row.support);
        matches!(support, Some(Support::Full | Support::Differs(_)))
    };
    let ours = |name: &str| ITS_OWN.contains(&name) || ROWS.iter().any(|row| row.name == name);
    let names = reader.names();
    let ignored: Vec<_> = names.into_iter().filter(|name| acted_on(name) && !ours(name)).collect();
    if let Some(first) = ignored.first() {
        let message = format!(
            "a canary takes everything but its rule from its primary; not read here: {}",
            list(&ignored)
        );
        reader.warn(first, message, "set it on the primary Ingress, which shares it with its canaries");
    }
}

fn list(names: &[&str]) -> String {
    let more = names.len().saturating_sub(LISTED);
    let shown = names[..names.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// `canary-weight` of `canary-weight-total`, within its bounds.
fn weight(reader: &mut Reader<'_, '_>) -> (u32, u32) {
    const WEIGHT: &str = "canary-weight";
    const TOTAL: &str = "canary-weight-total";
    let mut int = |name, hint: &str| {
        let parse = |text: &str| value::integer(text, i64::MIN..=i64::MAX);
        reader.parse(name, |text| parse(text).map_err(|bad| Invalid { hint: hint.to_owned(), ..bad }))
    };
    let weight = int(WEIGHT, "write a number from 0 to 100, or to the total");
    let total = int(TOTAL, "write a number of 100 or more").unwrap_or(MIN_TOTAL);
    if total > MAX_TOTAL {
        let message = format!("{total} is more than {MAX_TOTAL}; no request goes to the canary by weight");
        reader.warn(TOTAL, message, "write smaller numbers with the same relation");
        return (0, 100);
    }
    if total < MIN_TOTAL {
        let message = format!("{total} is less than 100 and counts as 100");
        reader.warn(TOTAL, message, "give canary-weight in parts of 100 or more");
    }
    let total = total.max(MIN_TOTAL);
    let weight = weight.unwrap_or(0);
    if weight < 0 {
        reader.warn(WEIGHT, format!("{weight} is less than 0 and counts as 0"), "write 0 or more");
    }
    if weight > total {
        let message = format!("{weight} is more than the total of {total}: the canary gets every request");
        reader.warn(WEIGHT, message, "write at most the total, or raise canary-weight-total");
    }
    // Both are between 0 and MAX_TOTAL by now.
    let within = |number: i64| u32::try_from(number).unwrap_or_default();
    (within(weight.clamp(0, total)), within(total))
}

fn by_header(reader: &mut Reader<'_, '_>) -> Option<CanaryHeader> {
    const VALUE: &str = "canary-by-header-value";
    const PATTERN: &str = "canary-by-header-pattern";
    let name = reader.parse("canary-by-header", header_name);
    let value = reader.parse(VALUE, |text| checked(text, MAX_VALUE, BASIC));
    let pattern = reader.parse(PATTERN, |text| checked(text, usize::MAX, REGEX));
    let Some(name) = name else {
        for (annotation, there) in [(VALUE, value.is_some()), (PATTERN, pattern.is_some())] {
            if there {
                let message = "without canary-by-header it decides nothing".into();
                reader.warn(annotation, message, "name the header in canary-by-header, or remove it");
            }
        }
        return None;
    };
    if value.is_some() && pattern.is_some() {
        let message = "canary-by-header-value is set too and counts; the pattern decides nothing".into();
        reader.warn(PATTERN, message, "remove one of the two");
    }
    let rule = match (value, pattern) {
        (Some(value), _) => CanaryHeaderRule::Value(value),
        (None, Some(pattern)) => pattern_rule(reader, PATTERN, pattern),
        (None, None) => CanaryHeaderRule::AlwaysNever,
    };
    Some(CanaryHeader { name, rule })
}

fn pattern_rule(reader: &mut Reader<'_, '_>, annotation: &str, pattern: String) -> CanaryHeaderRule {
    let what = match header_pattern(&pattern) {
        Ok(_) => return CanaryHeaderRule::Pattern(pattern),
        Err(InvalidPattern::TooLarge) => "is too large",
        Err(InvalidPattern::LookAround | InvalidPattern::BackReference) => {
            "needs look-around or back-references, which Ingora does not have: they can take any time"
        }
        Err(InvalidPattern::Syntax(_)) => "is not a regular expression",
    };
    let message = format!("{} {what}; every request with the header goes to the primary", quoted(&pattern));
    let hint = format!(
        "write a regular expression of at most {MAX_PATTERN_BYTES} bytes without look-around and back-references"
    );
    reader.warn(annotation, message, &hint);
    CanaryHeaderRule::Primary
}

fn header_name(text: &str) -> Parsed<String> {
    let name = value::header_name(&name(text)?)?;
    Ok(name.as_str().replace('_', "-"))
}

fn name(text: &str) -> Parsed<String> {
    checked(text, MAX_NAME, BASIC)
}

/// The text, if it has no other characters than letters, digits and `marks`: those that ingress-nginx takes.
fn checked(text: &str, bytes: usize, marks: &str) -> Parsed<String> {
    if !text.bytes().all(|byte| has(byte, marks)) {
        let hint = "use nothing but letters, digits and ".to_owned() + marks;
        return Err(Invalid::new(text, "has characters that the annotation does not take", hint));
    }
    if text.len() > bytes {
        return Err(Invalid::new(text, &format!("is longer than {bytes} bytes"), "write a shorter one"));
    }
    Ok(text.to_owned())
}
