//! `$apr1$` and `$1$`: a thousand rounds of MD5, as Apache's htpasswd and old Unix systems make them. They differ in the prefix
//! that is hashed along.
//!
//! ```text
//!   b = MD5(password, salt, password)
//!   a = MD5(password, prefix, salt, b repeated to the password's length, a mix of zeros and the first character)
//!   1000 times: a = MD5(of a, the password and the salt, in an order that depends on the round)
//! ```

use openssl::hash::{DigestBytes, Hasher, MessageDigest};

/// The alphabet of `crypt`, six bits a character, lowest first.
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Which bytes of the digest stand in which group of four characters.
const GROUPS: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];

/// Whether `rest`, which is `salt$hash`, is made of this password.
pub(super) fn verify(prefix: &str, rest: &str, password: &[u8]) -> bool {
    let Some((salt, wanted)) = rest.split_once('$') else { return false };
    let digest = crypt(prefix.as_bytes(), salt.as_bytes(), password);
    digest.is_some_and(|digest| super::same(&encode(&digest), wanted.as_bytes()))
}

/// The MD5 of parts; `None` when the TLS library has no MD5.
fn md5(parts: &[&[u8]]) -> Option<DigestBytes> {
    let mut hasher = Hasher::new(MessageDigest::md5()).ok()?;
    for part in parts {
        hasher.update(part).ok()?;
    }
    hasher.finish().ok()
}

fn crypt(prefix: &[u8], salt: &[u8], password: &[u8]) -> Option<DigestBytes> {
    let inner = md5(&[password, salt, password])?;
    let first = password.get(..1).unwrap_or_default();
    let mut parts = vec![password, prefix, salt];
    let mut left = password.len();
    while left > 0 {
        let piece = left.min(inner.len());
        parts.push(&inner[..piece]);
        left -= piece;
    }
    let mut bits = password.len();
    while bits > 0 {
        parts.push(if bits & 1 == 1 { b"\0" } else { first });
        bits >>= 1;
    }
    let mut digest = md5(&parts)?;
    for round in 0..1000 {
        let odd = round % 2 == 1;
        let (head, tail): (&[u8], &[u8]) = if odd { (password, &digest) } else { (&digest, password) };
        let salt = if round % 3 == 0 { b"" } else { salt };
        let again = if round % 7 == 0 { b"" } else { password };
        digest = md5(&[head, salt, again, tail])?;
    }
    Some(digest)
}

fn encode(digest: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(22);
    let mut put = |mut bits: usize, characters: usize| {
        for _ in 0..characters {
            text.push(ALPHABET[bits & 63]);
            bits >>= 6;
        }
    };
    for [high, middle, low] in GROUPS {
        let bits =
            usize::from(digest[high]) << 16 | usize::from(digest[middle]) << 8 | usize::from(digest[low]);
        put(bits, 4);
    }
    put(usize::from(digest[11]), 2);
    text
}
