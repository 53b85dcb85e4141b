//! Users and the hashes of their passwords (`auth-secret`). The hashes travel over the wire and nowhere else.
//!
//! A Secret with users is a resource of its own: the policies that name it ([`crate::policy::BasicAuth`]) stay as they are
//! when a password changes.

mod hash;

pub use hash::{HashKind, MAX_BCRYPT_COST, MAX_HASH_BYTES, MAX_ROUNDS, PasswordHash, UnusableHash};

use crate::NamespacedName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The most users of one Secret.
pub const MAX_USERS: usize = 10_000;
/// The longest name of a user, in bytes; htpasswd has the same limit.
pub const MAX_NAME_BYTES: usize = 255;
/// The longest password that anybody can log in with, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 255;

/// How users stand in a Secret (`auth-secret-type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretForm {
    /// The key `auth` is a file as htpasswd writes it.
    #[default]
    AuthFile,
    /// Each key is a user, its value the hash.
    AuthMap,
}

impl fmt::Display for SecretForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AuthFile => "auth-file",
            Self::AuthMap => "auth-map",
        })
    }
}

/// Which users: a Secret, read in one of the two forms.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UsersId {
    /// The Secret.
    pub secret: NamespacedName,
    /// How it is read.
    pub form: SecretForm,
}

impl fmt::Display for UsersId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.secret, self.form)
    }
}

/// The users of one Secret: at least one, at most [`MAX_USERS`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Users {
    id: UsersId,
    users: BTreeMap<String, PasswordHash>,
}

#[derive(Deserialize)]
struct Unchecked {
    id: UsersId,
    users: BTreeMap<String, PasswordHash>,
}

impl TryFrom<Unchecked> for Users {
    type Error = InvalidUsers;

    fn try_from(Unchecked { id, users }: Unchecked) -> Result<Self, InvalidUsers> {
        Self::new(id, users)
    }
}

/// Why there are no users of a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsers {
    /// Nobody could log in.
    #[error("it has no user that can log in")]
    Nobody,
    /// More than [`MAX_USERS`].
    #[error("it has more than {MAX_USERS} users")]
    TooMany,
    /// A name that is none.
    #[error("it has a user whose name cannot be one")]
    Name,
}

impl Users {
    /// Takes users by name.
    ///
    /// # Errors
    /// When there are none, too many, or one whose name fails [`is_user_name`].
    pub fn new(id: UsersId, users: BTreeMap<String, PasswordHash>) -> Result<Self, InvalidUsers> {
        match users.len() {
            0 => Err(InvalidUsers::Nobody),
            count if count > MAX_USERS => Err(InvalidUsers::TooMany),
            _ if !users.keys().all(|name| is_user_name(name)) => Err(InvalidUsers::Name),
            _ => Ok(Self { id, users }),
        }
    }

    /// Which they are.
    pub fn id(&self) -> &UsersId {
        &self.id
    }

    /// Each user with the hash of the password.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &PasswordHash)> {
        self.users.iter().map(|(name, hash)| (name.as_str(), hash))
    }
}

/// Whether a text can be the name of a user: 1 to [`MAX_NAME_BYTES`] bytes, no colon (RFC 7617 section 2), no control character.
pub fn is_user_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && !name.chars().any(|c| c == ':' || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> UsersId {
        UsersId { secret: NamespacedName::new("shop", "users"), form: SecretForm::AuthFile }
    }

    #[test]
    fn hashes_show_themselves_to_nobody_but_the_wire() {
        let hash = PasswordHash::parse("{PLAIN}TOP-SECRET").unwrap();
        let users = Users::new(id(), BTreeMap::from([("ann".to_owned(), hash)])).unwrap();
        assert!(!format!("{users:?}").contains("TOP-SECRET"));
        assert!(!serde_json::to_string(&users).unwrap().contains("TOP-SECRET"));
        let wire = postcard::to_stdvec(&users).unwrap();
        assert_eq!(postcard::from_bytes::<Users>(&wire).unwrap(), users);
    }

    #[test]
    fn users_from_the_wire_are_checked_like_any_others() {
        let hash = PasswordHash::parse("{PLAIN}a").unwrap();
        for names in [vec![], vec!["a:b"], vec![""], vec!["a\nb"]] {
            let users: BTreeMap<_, _> = names.iter().map(|name| ((*name).to_owned(), hash.clone())).collect();
            let wire = postcard::to_stdvec(&(id(), users)).unwrap();
            assert!(postcard::from_bytes::<Users>(&wire).is_err(), "{names:?}");
        }
        let wire = postcard::to_stdvec(&(id(), BTreeMap::from([("ann", "no hash")]))).unwrap();
        assert!(postcard::from_bytes::<Users>(&wire).is_err());
    }

    #[test]
    fn too_many_users_are_refused_as_a_whole() {
        let hash = PasswordHash::parse("{PLAIN}a").unwrap();
        let users = (0..=MAX_USERS).map(|number| (format!("u{number}"), hash.clone())).collect();
        assert_eq!(Users::new(id(), users).unwrap_err(), InvalidUsers::TooMany);
    }
}
