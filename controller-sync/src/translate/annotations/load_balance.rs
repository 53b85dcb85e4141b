//! `load-balance`, `upstream-hash-by`, `service-upstream`: which endpoint gets a request. A canary says it for itself.

use super::charset;
use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::quote::quoted;
use crate::translate::value;
use ingora_config::Template;
use ingora_config::policy::{Algorithm, HashBy, LoadBalance, MAX_SUBSET};

const BALANCE: Support = Support::Differs(
    "belongs to the routes of the Ingress, not to every route of the same Service; chash and sticky_ by themselves, \
     without upstream-hash-by or affinity, are as the ConfigMap says",
);
const HASH_BY: Support = Support::Differs(
    "belongs to the routes of the Ingress, not to every route of the same Service; a listed set of variables; a try \
     that failed goes on to the next endpoint of the ring; an empty key is no key",
);
const SUBSET: Support =
    Support::Differs("the endpoints of a key are neighbours on the ring, not a fixed group");
const SIZE: Support = Support::Differs("at most 32");
const SERVICE: Support =
    Support::Differs("belongs to the routes of the Ingress, not to every route of the same Service");

pub(super) const ROWS: &[Row] = &[
    Row::new("load-balance", FEATURE, Scope::Location, Risk::Low, OnBad::Reject, BALANCE),
    Row::new(KEY, FEATURE, Scope::Location, Risk::High, OnBad::Reject, HASH_BY),
    Row::new("upstream-hash-by-subset", FEATURE, Scope::Location, Risk::Low, OnBad::Reject, SUBSET),
    Row::new("upstream-hash-by-subset-size", FEATURE, Scope::Location, Risk::Low, OnBad::Reject, SIZE),
    Row::new("service-upstream", FEATURE, Scope::Ingress, Risk::Low, OnBad::Ignore, SERVICE),
];

const FEATURE: &str = "load_balance";
const KEY: &str = "upstream-hash-by";
/// How many endpoints share a key of ingress-nginx when nobody says it.
const SUBSET_SIZE: u8 = 3;

/// What a value of `load-balance` means.
#[derive(Clone, Copy)]
enum Word {
    Algorithm(Algorithm),
    /// Needs this other annotation, which does it all.
    Needs(&'static str),
}

const WORDS: [(&str, Word); 6] = [
    ("round_robin", Word::Algorithm(Algorithm::RoundRobin)),
    ("ewma", Word::Algorithm(Algorithm::Ewma)),
    ("chash", Word::Needs(KEY)),
    ("chashsubset", Word::Needs(KEY)),
    ("sticky_balanced", Word::Needs("affinity")),
    ("sticky_persistent", Word::Needs("affinity")),
];

/// What the annotations ask for; `None` without any.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<LoadBalance> {
    let service_upstream = reader.bool("service-upstream");
    let hash_by = hash_by(reader);
    let algorithm = algorithm(reader, hash_by.is_some());
    let balance = LoadBalance { algorithm, hash_by, service_upstream };
    (balance != LoadBalance::default()).then_some(balance)
}

fn algorithm(reader: &mut Reader<'_, '_>, hashes: bool) -> Option<Algorithm> {
    const NAME: &str = "load-balance";
    match reader.parse(NAME, |text| value::word(text, &WORDS))? {
        Word::Algorithm(algorithm) => Some(algorithm),
        Word::Needs(other) => {
            let there = if other == KEY { hashes } else { reader.text(other).is_some() };
            if !there {
                let text = quoted(&reader.text(NAME).unwrap_or_default());
                let message =
                    format!("{text} does nothing without {other}; requests go as the ConfigMap says");
                reader.warn(NAME, message, &format!("set {other}, or write round_robin or ewma"));
            }
            None
        }
    }
}

fn hash_by(reader: &mut Reader<'_, '_>) -> Option<HashBy> {
    let (subset, size) = subset(reader);
    let text = reader.parse(KEY, |text| {
        charset::check(text, |byte| charset::has(byte, "-_${}"))?;
        Ok(text.to_owned())
    });
    let Some(text) = text else {
        if subset {
            let message = "without upstream-hash-by there is nothing to share".to_owned();
            reader.warn("upstream-hash-by-subset", message, "set upstream-hash-by, or remove it");
        }
        return None;
    };
    let problem = match Template::parse(&text) {
        Ok(key) if key.has_groups() => "has a group, which only rewrite-target can have".to_owned(),
        Ok(key) => return Some(HashBy { key, subset: if subset { size } else { 1 } }),
        Err(error) => error.to_string(),
    };
    let message = format!("{} {problem}; requests go as load-balance says", quoted(&text));
    reader.unusable(KEY, message, "use the variables of docs/annotations/load_balance.md");
    None
}

/// Whether endpoints share a key, and how many.
fn subset(reader: &mut Reader<'_, '_>) -> (bool, u8) {
    const SIZE: &str = "upstream-hash-by-subset-size";
    let subset = reader.bool("upstream-hash-by-subset").unwrap_or(false);
    let size = reader.int(SIZE).unwrap_or(i64::from(SUBSET_SIZE));
    if size < 1 {
        let message = format!("{size} is less than 1; {SUBSET_SIZE} endpoints share a key");
        reader.warn(SIZE, message, "write a number from 1 to 32");
        return (subset, SUBSET_SIZE);
    }
    let size = u8::try_from(size).unwrap_or(u8::MAX);
    if size > MAX_SUBSET {
        let message = format!("more than {MAX_SUBSET} is not possible; {MAX_SUBSET} endpoints share a key");
        reader.warn(SIZE, message, "write a number from 1 to 32");
    }
    (subset, size.min(MAX_SUBSET))
}
