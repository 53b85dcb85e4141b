//! `auth-type: basic`: who has a password.

use crate::UsersId;
use serde::{Deserialize, Serialize};

/// The longest realm, in bytes.
const MAX_REALM_BYTES: usize = 256;

/// Only users of a Secret are let in (RFC 7617).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BasicAuth {
    /// `auth-secret`, `auth-secret-type`. Where these users are not known, nobody is let in.
    pub users: UsersId,
    /// `auth-realm`.
    pub realm: Realm,
}

/// What a browser shows when it asks for a password: visible ASCII and spaces, nothing that would end a quoted string; may be
/// empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Realm(String);

/// The text is too long, or has a character that a realm cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a realm has at most {MAX_REALM_BYTES} bytes of visible ASCII without quotation marks and backslashes"
)]
pub struct InvalidRealm;

impl Realm {
    /// Takes a text.
    ///
    /// # Errors
    /// When it cannot stand in a quoted string as it is.
    pub fn new(text: &str) -> Result<Self, InvalidRealm> {
        let good = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        (text.len() <= MAX_REALM_BYTES && text.bytes().all(good))
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidRealm)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Realm {
    type Error = InvalidRealm;

    fn try_from(text: String) -> Result<Self, InvalidRealm> {
        Self::new(&text)
    }
}

impl From<Realm> for String {
    fn from(realm: Realm) -> Self {
        realm.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_realm_ends_its_own_quotation() {
        for text in ["", "Shop: staff only"] {
            assert_eq!(Realm::new(text).map(String::from).as_deref(), Ok(text));
        }
        for text in ["a\"b", "a\\", "a\r\nSet-Cookie: x=1", "\u{e9}", &"a".repeat(257)] {
            assert_eq!(Realm::new(text), Err(InvalidRealm), "{text:?}");
        }
    }
}
