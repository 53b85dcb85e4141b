//! Secret (`v1`). Of a TLS Secret, which comes unasked, only certificate, key and authorities are kept; any other comes
//! only because something names it, and is kept whole.

use super::metadata::Metadata;
use base64::Engine as _;
use ingora_config::PrivateKey;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// A Secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Raw")]
pub struct Secret {
    /// Its name.
    pub metadata: Metadata,
    /// Whether its type is `kubernetes.io/tls`: those are read without being asked for.
    pub is_tls: bool,
    /// `tls.crt`, PEM.
    pub certificate: Option<Vec<u8>>,
    /// `tls.key`, PEM.
    pub key: Option<PrivateKey>,
    /// Everything else, by key: of a TLS Secret only `ca.crt` and `ca.crl`.
    pub others: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

impl Secret {
    /// The content under any other key than `tls.crt` and `tls.key`.
    pub fn other(&self, key: &str) -> Option<&[u8]> {
        self.others.get(key).map(|content| content.as_slice())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("metadata", &self.metadata).finish_non_exhaustive()
    }
}

/// What is kept of a TLS Secret besides certificate and key.
const OF_TLS: [&str; 2] = ["ca.crt", "ca.crl"];

/// The shape in the API.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    metadata: Metadata,
    #[serde(default, rename = "type")]
    secret_type: Option<String>,
    #[serde(default)]
    data: Option<Content<true>>,
    #[serde(default)]
    string_data: Option<Content<false>>,
}

impl From<Raw> for Secret {
    fn from(raw: Raw) -> Self {
        let data = raw.data.unwrap_or_default();
        let string_data = raw.string_data.unwrap_or_default();
        let is_tls = raw.secret_type.as_deref() == Some("kubernetes.io/tls");
        // As in the API server: what `stringData` names replaces what `data` has.
        let mut others = data.others;
        others.extend(string_data.others);
        others.retain(|key, _| !is_tls || OF_TLS.contains(&key.as_str()));
        Self {
            metadata: raw.metadata,
            is_tls,
            certificate: string_data.certificate.or(data.certificate),
            key: string_data.key.or(data.key).map(PrivateKey::from_pem),
            others,
        }
    }
}

/// `data` (base64) or `stringData` (plain).
#[derive(Default)]
struct Content<const BASE64: bool> {
    certificate: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
    others: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

impl<'de, const BASE64: bool> Deserialize<'de> for Content<BASE64> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<const BASE64: bool>;

        impl<'de, const BASE64: bool> Visitor<'de> for Entries<BASE64> {
            type Value = Content<BASE64>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut content = Content::default();
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "tls.crt" => content.certificate = read::<A, BASE64>(&mut map)?,
                        "tls.key" => content.key = read::<A, BASE64>(&mut map)?,
                        _ => {
                            let other = read::<A, BASE64>(&mut map)?.map(Zeroizing::new);
                            content.others.extend(other.map(|other| (name, other)));
                        }
                    }
                }
                Ok(content)
            }
        }

        deserializer.deserialize_map(Entries::<BASE64>)
    }
}

fn read<'de, A: MapAccess<'de>, const BASE64: bool>(map: &mut A) -> Result<Option<Vec<u8>>, A::Error> {
    let Some(text) = map.next_value::<Option<String>>()?.map(Zeroizing::new) else { return Ok(None) };
    if !BASE64 {
        return Ok(Some(text.as_bytes().to_vec()));
    }
    // YAML written by hand folds long base64 over several lines.
    let joined: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect());
    let decoded = base64::engine::general_purpose::STANDARD.decode(joined.as_slice());
    decoded.map(Some).map_err(|_| A::Error::custom("it is not base64"))
}
