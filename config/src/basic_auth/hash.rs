//! The hash of one password, in the kinds that htpasswd files have. What is parsed can be verified, at a bounded cost.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::hash::{Hash, Hasher};
use zeroize::Zeroizing;

/// The longest text of a hash, in bytes.
pub const MAX_HASH_BYTES: usize = 512;
/// The highest cost of bcrypt: one more doubles the time, and 15 takes some two seconds of a core.
pub const MAX_BCRYPT_COST: u32 = 15;
/// The most rounds of SHA-256 and SHA-512 crypt: some two seconds of a core.
pub const MAX_ROUNDS: u32 = 2_000_000;
/// The fewest rounds that these know.
const MIN_ROUNDS: u32 = 1000;
/// The lowest cost that bcrypt knows.
const MIN_BCRYPT_COST: u32 = 4;
/// The longest salt of SHA-256 and SHA-512 crypt, in bytes.
const MAX_SALT_BYTES: usize = 16;

/// How a password is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashKind {
    /// `{PLAIN}`: not at all.
    Plain,
    /// `{SHA}`: SHA-1 in base64.
    Sha,
    /// `{SSHA}`: SHA-1 with a salt behind it, in base64.
    SaltedSha,
    /// `$apr1$`: the thousand rounds of MD5 that htpasswd has by default.
    Apr1,
    /// `$1$`: the same, as old Unix systems write it.
    Md5,
    /// `$5$`: SHA-256 crypt.
    Sha256,
    /// `$6$`: SHA-512 crypt.
    Sha512,
    /// `$2a$`, `$2b$`, `$2y$`.
    Bcrypt,
    /// Thirteen characters: the first `crypt` of Unix. Only the first eight bytes of a password count.
    Des,
}

/// A hash that can be verified. It is wiped from memory when dropped, and neither `Debug` nor a human-readable
/// serialisation (JSON, YAML) ever shows it; only the binary wire carries it.
#[derive(Clone)]
pub struct PasswordHash {
    kind: HashKind,
    text: Zeroizing<String>,
}

/// Why a text is no hash that can be verified. Says nothing of the text, which may be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableHash {
    /// There is none.
    #[error("the hash is empty")]
    Empty,
    /// Longer than [`MAX_HASH_BYTES`].
    #[error("the hash is longer than {MAX_HASH_BYTES} bytes")]
    TooLong,
    /// No known beginning, and not thirteen characters of DES: perhaps a password as it is.
    #[error("the hash is of no known kind")]
    UnknownKind,
    /// A kind that exists and is not verified here.
    #[error("hashes of the kind {0} are not supported")]
    UnsupportedKind(&'static str),
    /// It begins like a known kind and is not one.
    #[error("the hash begins like {0} and is none")]
    Malformed(&'static str),
    /// bcrypt beyond [`MAX_BCRYPT_COST`].
    #[error("its bcrypt cost is higher than {MAX_BCRYPT_COST}, which would take seconds for each login")]
    TooCostly,
    /// Rounds beyond [`MAX_ROUNDS`].
    #[error("it has more than {MAX_ROUNDS} rounds, which would take seconds for each login")]
    TooManyRounds,
}

impl PasswordHash {
    /// Takes the text behind the colon of an htpasswd line.
    ///
    /// # Errors
    /// When it cannot be verified.
    pub fn parse(text: &str) -> Result<Self, UnusableHash> {
        if text.len() > MAX_HASH_BYTES {
            return Err(UnusableHash::TooLong);
        }
        Ok(Self { kind: kind(text)?, text: Zeroizing::new(text.to_owned()) })
    }

    /// How it is hashed.
    pub fn kind(&self) -> HashKind {
        self.kind
    }

    /// The text, to verify passwords with and for nothing else.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

fn kind(text: &str) -> Result<HashKind, UnusableHash> {
    if text.is_empty() {
        return Err(UnusableHash::Empty);
    }
    if let Some((scheme, rest)) = text.strip_prefix('{').and_then(|text| text.split_once('}')) {
        return in_braces(scheme, rest);
    }
    if let Some((scheme, rest)) = text.strip_prefix('$').and_then(|text| text.split_once('$')) {
        return modular(scheme, rest);
    }
    if text.len() == 13 && text.bytes().all(is_crypt) {
        return Ok(HashKind::Des);
    }
    Err(UnusableHash::UnknownKind)
}

fn in_braces(scheme: &str, rest: &str) -> Result<HashKind, UnusableHash> {
    // nginx compares the letters as they stand.
    match scheme {
        "PLAIN" if rest.len() <= super::MAX_PASSWORD_BYTES => Ok(HashKind::Plain),
        "PLAIN" => Err(UnusableHash::Malformed("{PLAIN}, but is too long")),
        "SHA" if decoded_len(rest) == Some(20) => Ok(HashKind::Sha),
        "SHA" => Err(UnusableHash::Malformed("{SHA}")),
        "SSHA" if decoded_len(rest).is_some_and(|length| length > 20) => Ok(HashKind::SaltedSha),
        "SSHA" => Err(UnusableHash::Malformed("{SSHA}")),
        _ => Err(UnusableHash::UnknownKind),
    }
}

fn decoded_len(text: &str) -> Option<usize> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok().map(|bytes| bytes.len())
}

fn modular(scheme: &str, rest: &str) -> Result<HashKind, UnusableHash> {
    match scheme {
        "apr1" => md5(rest).then_some(HashKind::Apr1).ok_or(UnusableHash::Malformed("$apr1$")),
        "1" => md5(rest).then_some(HashKind::Md5).ok_or(UnusableHash::Malformed("$1$")),
        "5" => sha_crypt(rest, 43, "$5$").map(|()| HashKind::Sha256),
        "6" => sha_crypt(rest, 86, "$6$").map(|()| HashKind::Sha512),
        "2a" | "2b" | "2y" => bcrypt(rest).map(|()| HashKind::Bcrypt),
        "2" | "2x" => Err(UnusableHash::UnsupportedKind("$2$ and $2x$, early and flawed forms of bcrypt,")),
        "y" | "gy" => Err(UnusableHash::UnsupportedKind("yescrypt")),
        "7" => Err(UnusableHash::UnsupportedKind("scrypt")),
        "argon2i" | "argon2d" | "argon2id" => Err(UnusableHash::UnsupportedKind("Argon2")),
        _ => Err(UnusableHash::UnknownKind),
    }
}

/// `salt$hash`
fn md5(rest: &str) -> bool {
    let parts = rest.split_once('$');
    parts.is_some_and(|(salt, hash)| {
        (1..=8).contains(&salt.len())
            && salt.bytes().all(is_crypt)
            && hash.len() == 22
            && hash.bytes().all(is_crypt)
    })
}

/// `salt$hash` or `rounds=N$salt$hash`
fn sha_crypt(rest: &str, length: usize, name: &'static str) -> Result<(), UnusableHash> {
    let malformed = UnusableHash::Malformed(name);
    let rest = match rest.strip_prefix("rounds=") {
        Some(rest) => {
            let (rounds, rest) = rest.split_once('$').ok_or(malformed)?;
            let plain = !rounds.starts_with('0') && rounds.bytes().all(|byte| byte.is_ascii_digit());
            let rounds: u32 = Some(rounds).filter(|_| plain).and_then(|n| n.parse().ok()).ok_or(malformed)?;
            if rounds > MAX_ROUNDS {
                return Err(UnusableHash::TooManyRounds);
            }
            if rounds < MIN_ROUNDS {
                return Err(malformed);
            }
            rest
        }
        None => rest,
    };
    let (salt, hash) = rest.split_once('$').ok_or(malformed)?;
    let good = (1..=MAX_SALT_BYTES).contains(&salt.len()) && salt.bytes().all(is_crypt);
    (good && hash.len() == length && hash.bytes().all(is_crypt)).then_some(()).ok_or(malformed)
}

/// `cost$salt and hash`, two digits and 53 characters.
fn bcrypt(rest: &str) -> Result<(), UnusableHash> {
    let malformed = UnusableHash::Malformed("bcrypt");
    let (cost, hash) = rest.split_once('$').ok_or(malformed)?;
    if cost.len() != 2 || hash.len() != 53 || !hash.bytes().all(is_crypt) {
        return Err(malformed);
    }
    match cost.parse::<u32>() {
        Ok(MIN_BCRYPT_COST..=MAX_BCRYPT_COST) => Ok(()),
        Ok(16..=31) => Err(UnusableHash::TooCostly),
        _ => Err(malformed),
    }
}

/// The alphabet of `crypt`.
fn is_crypt(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/')
}

impl PartialEq for PasswordHash {
    fn eq(&self, other: &Self) -> bool {
        *self.text == *other.text
    }
}

impl Eq for PasswordHash {}

impl Hash for PasswordHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(hidden)")
    }
}

impl Serialize for PasswordHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hidden = serializer.is_human_readable();
        serializer.serialize_str(if hidden { "hidden" } else { &self.text })
    }
}

impl<'de> Deserialize<'de> for PasswordHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(text: &str) -> Result<HashKind, UnusableHash> {
        PasswordHash::parse(text).map(|hash| hash.kind())
    }

    #[test]
    fn every_kind_is_told_by_its_form() {
        for (text, kind) in [
            ("{PLAIN}", HashKind::Plain),
            ("{PLAIN}correct horse", HashKind::Plain),
            ("{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=", HashKind::Sha),
            ("{SSHA}LhKrkM9Fy+zlstjdD7Kv2s6QvhBzYWx0", HashKind::SaltedSha),
            ("$apr1$saltsalt$EGVZDNN6gOqijy.tv9axG/", HashKind::Apr1),
            ("$1$ab$.ThsTrbyIbEahEdE8LNwj1", HashKind::Md5),
            ("$5$rounds=12345$s$JFsQWWscYKogM3nH6/OUvhAxaG9/mCUIE85fIfQvll.", HashKind::Sha256),
            ("$5$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC", HashKind::Sha256),
            (
                "$6$saltstring$.r0X7ub5wGR2v4Xz7svCIozfnlorFh19V89t8KC9Umd81uGhFgsyTRNyzQDXDIm17fFcR9z3z7oBNdsyYBbtm/",
                HashKind::Sha512,
            ),
            ("$2y$15$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", HashKind::Bcrypt),
            ("abhfCpXqd4GrI", HashKind::Des),
        ] {
            assert_eq!(kind_of(text), Ok(kind), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_verified_or_costs_too_much_is_refused() {
        use UnusableHash as U;
        let long = format!("{{PLAIN}}{}", "a".repeat(600));
        for (text, why) in [
            ("", U::Empty),
            (&*long, U::TooLong),
            ("correct horse", U::UnknownKind),
            ("abhfCpXqd4Gr", U::UnknownKind),
            ("abhfCpXqd4Gr!", U::UnknownKind),
            ("{CRYPT}abhfCpXqd4GrI", U::UnknownKind),
            ("$", U::UnknownKind),
            ("$9$", U::UnknownKind),
            ("{SHA}L55TUjtiq8FBorTWAZ0jy6g129", U::Malformed("{SHA}")),
            ("{SSHA}L55TUjtiq8FBorTWAZ0jy6g129A=", U::Malformed("{SSHA}")),
            ("$apr1$saltsalts$EGVZDNN6gOqijy.tv9axG/", U::Malformed("$apr1$")),
            ("$apr1$saltsalt", U::Malformed("$apr1$")),
            ("$5$rounds=999$s$JFsQWWscYKogM3nH6/OUvhAxaG9/mCUIE85fIfQvll.", U::Malformed("$5$")),
            ("$5$rounds=+5000$s$JFsQWWscYKogM3nH6/OUvhAxaG9/mCUIE85fIfQvll.", U::Malformed("$5$")),
            ("$5$rounds=2000001$s$JFsQWWscYKogM3nH6/OUvhAxaG9/mCUIE85fIfQvll.", U::TooManyRounds),
            ("$6$s$JFsQWWscYKogM3nH6/OUvhAxaG9/mCUIE85fIfQvll.", U::Malformed("$6$")),
            ("$2y$16$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", U::TooCostly),
            ("$2y$03$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", U::Malformed("bcrypt")),
            ("$2y$5$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", U::Malformed("bcrypt")),
            ("$2y$05$abcdefghijklmnopqrstuujydOTSfIH", U::Malformed("bcrypt")),
            ("$y$j9T$abc$def", U::UnsupportedKind("yescrypt")),
        ] {
            assert_eq!(kind_of(text), Err(why), "{text}");
        }
    }
}
