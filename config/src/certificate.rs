//! Certificates and their keys. The key travels over the wire and nowhere else.

use crate::NamespacedName;
use base64::Engine as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::hash::{Hash, Hasher};
use zeroize::Zeroizing;

/// One TLS Secret that serves at least one host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Certificate {
    /// The Secret.
    pub secret: NamespacedName,
    /// The certificate and its intermediates, leaf first, PEM.
    pub chain: String,
    /// The private key of the leaf.
    pub key: PrivateKey,
}

/// A private key in PEM. It is wiped from memory when dropped, and neither `Debug` nor a human-readable
/// serialisation (JSON, YAML) ever shows it; only the binary wire carries it.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(Zeroizing<Vec<u8>>);

impl PrivateKey {
    /// Takes the PEM text of a key.
    pub fn from_pem(pem: Vec<u8>) -> Self {
        Self(Zeroizing::new(pem))
    }

    /// The PEM text, for the TLS library only.
    pub fn expose_pem(&self) -> &[u8] {
        &self.0
    }
}

impl Hash for PrivateKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_slice().hash(state);
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(hidden)")
    }
}

impl Serialize for PrivateKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str("hidden");
        }
        let text = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(&*self.0));
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for PrivateKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let pem = base64::engine::general_purpose::STANDARD
            .decode(text.as_bytes())
            .map_err(|_| serde::de::Error::custom("a private key is not base64"))?;
        Ok(Self::from_pem(pem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_shows_itself_to_nobody_but_the_wire() {
        let certificate = Certificate {
            secret: NamespacedName::new("shop", "tls"),
            chain: "chain".into(),
            key: PrivateKey::from_pem(b"TOP-SECRET".to_vec()),
        };
        assert!(!format!("{certificate:?}").contains("TOP-SECRET"));
        assert!(!serde_json::to_string(&certificate).unwrap().contains("TOP-SECRET"));
        let wire = postcard::to_stdvec(&certificate).unwrap();
        assert_eq!(postcard::from_bytes::<Certificate>(&wire).unwrap(), certificate);
    }
}
