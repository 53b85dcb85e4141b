//! `metadata`, as far as it is read, of every kind.

use super::Kind;
use ingora_config::NamespacedName;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// Where an object without a namespace lives, as for kubectl.
pub const DEFAULT_NAMESPACE: &str = "default";

/// kubectl's copy of the object inside the object: large, and never read.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The part of `metadata` that is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The name, unique within kind and namespace.
    #[serde(default)]
    pub name: String,
    /// The namespace; empty for cluster-scoped kinds.
    #[serde(default, deserialize_with = "null_is_default")]
    pub namespace: String,
    /// The UID that the API server gave; empty for objects from files.
    #[serde(default, deserialize_with = "null_is_default")]
    pub uid: String,
    /// The version that the API server gave.
    #[serde(default, deserialize_with = "null_is_default")]
    pub resource_version: ResourceVersion,
    /// How often the API server saw `spec` change; 0 for objects from files.
    #[serde(default, deserialize_with = "null_is_default")]
    pub generation: i64,
    /// When the API server stored it first; `None` for objects from files, which all count as equally old.
    #[serde(default)]
    pub creation_timestamp: Option<Timestamp>,
    /// Annotations, without kubectl's copy of the object.
    #[serde(default, deserialize_with = "annotations")]
    pub annotations: BTreeMap<String, String>,
    /// Labels.
    #[serde(default, deserialize_with = "null_is_default")]
    pub labels: BTreeMap<String, String>,
}

/// `resourceVersion`: names a version of an object and is no part of what the object says, so that two objects that
/// differ in nothing else are equal. Empty for objects from files.
#[derive(Clone, Debug, Default, Eq, Deserialize)]
#[serde(transparent)]
pub struct ResourceVersion(pub Box<str>);

impl PartialEq for ResourceVersion {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Metadata {
    /// Namespace and name.
    pub fn id(&self) -> NamespacedName {
        NamespacedName::new(self.namespace.clone(), self.name.clone())
    }

    /// Fills in the default namespace and checks the names, which everything later trusts to be short.
    pub(super) fn normalise(&mut self, kind: Kind) -> Result<(), (&'static str, String)> {
        if !kind.namespaced() {
            self.namespace.clear();
        } else if self.namespace.is_empty() {
            self.namespace = DEFAULT_NAMESPACE.to_owned();
        }
        if self.name.is_empty() {
            return Err(("metadata.name", "an object needs a name".to_owned()));
        }
        if !is_name(&self.name) {
            return Err(("metadata.name", NOT_A_NAME.to_owned()));
        }
        if kind.namespaced() && (self.namespace.len() > 63 || !is_name(&self.namespace)) {
            return Err(("metadata.namespace", NOT_A_NAME.to_owned()));
        }
        Ok(())
    }
}

const NOT_A_NAME: &str =
    "it is not a Kubernetes name: lower-case letters, digits, - and . only, and not too long (RFC 1123)";

/// Whether the API server would take this as the name of an object (Kubernetes, "Object Names and IDs": DNS
/// subdomain of at most 253 characters).
pub fn is_name(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
}

/// Seconds since 1970, from an RFC 3339 time in UTC as the API server writes it. Fractions are dropped: "oldest"
/// is decided in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({})", self.0)
    }
}

impl Timestamp {
    /// Reads `2026-01-31T12:00:00Z`, with or without fractions, or with a numeric offset.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let number = |from: usize, to: usize| -> Option<i64> {
            let digits = bytes.get(from..to)?;
            digits.iter().try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
        };
        let is = |at: usize, allowed: &[u8]| bytes.get(at).is_some_and(|b| allowed.contains(b));
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let separators = is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":");
        let ranges =
            (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
        if !separators || !ranges {
            return None;
        }
        let fraction = bytes[19..]
            .strip_prefix(b".")
            .map_or(0, |rest| 1 + rest.iter().take_while(|b| b.is_ascii_digit()).count());
        let offset = match &bytes[19 + fraction..] {
            b"Z" | b"z" => 0,
            [sign @ (b'+' | b'-'), rest @ ..] if rest.len() == 5 && rest[2] == b':' => {
                let at = 20 + fraction;
                let seconds = number(at, at + 2)? * 3600 + number(at + 3, at + 5)? * 60;
                if *sign == b'+' { seconds } else { -seconds }
            }
            _ => return None,
        };
        Some(Self(days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset))
    }
}

/// Days in the proleptic Gregorian calendar; years start in March, so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("it is not a time such as 2026-01-31T12:00:00Z"))
    }
}

/// Go writes an empty list or map as `null`.
pub(super) fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

fn annotations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let mut map: BTreeMap<String, String> = null_is_default(deserializer)?;
    map.remove(LAST_APPLIED);
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_whole_seconds() {
        let seconds = |text: &str| Timestamp::parse(text).map(|time| time.0);
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-02-29T12:30:15Z"), Some(951_827_415));
        assert_eq!(seconds("2026-11-21T10:00:00.999999Z"), Some(1_795_255_200));
        assert_eq!(seconds("2026-11-21T11:30:00+01:30"), Some(1_795_255_200));
        for text in [
            "",
            "yesterday",
            "2026-13-01T00:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00Zx",
            "2026-01-01",
        ] {
            assert_eq!(seconds(text), None, "{text:?}");
        }
    }

    #[test]
    fn names_are_what_the_api_server_takes() {
        assert!(is_name("web-1.shop"));
        for text in ["", "Web", "a/b", "a b", "ä", &"a".repeat(254)] {
            assert!(!is_name(text), "{text:?} must be refused");
        }
    }
}
