//! Verifying a password against a hash, each kind as htpasswd and `crypt` make them. Comparisons take the same time
//! wherever the difference is.

mod des;
mod md5;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ingora_config::basic_auth::{HashKind, PasswordHash};
use openssl::sha::{Sha1, sha1, sha256};
use sha_crypt::{PasswordVerifier as _, ShaCrypt};

/// What bcrypt reads of a password, in bytes.
const BCRYPT_BYTES: usize = 72;
/// What DES reads of it.
const DES_BYTES: usize = 8;

/// Whether verifying takes microseconds at most, so that it can be done where requests are served.
pub fn is_fast(hash: &PasswordHash) -> bool {
    matches!(hash.kind(), HashKind::Plain | HashKind::Sha | HashKind::SaltedSha)
}

/// The part of a password that the hash takes into account.
pub fn significant<'p>(hash: &PasswordHash, password: &'p [u8]) -> &'p [u8] {
    let most = match hash.kind() {
        HashKind::Bcrypt => BCRYPT_BYTES,
        HashKind::Des => DES_BYTES,
        _ => password.len(),
    };
    &password[..password.len().min(most)]
}

/// Whether it is the password of this hash. A hash that cannot be read, which none is that was parsed, is nobody's.
pub fn verify(hash: &PasswordHash, password: &[u8]) -> bool {
    let text = hash.expose();
    let behind = |prefix: &str| text.strip_prefix(prefix);
    match hash.kind() {
        // Digests, so that the time does not tell the length.
        HashKind::Plain => {
            behind("{PLAIN}").is_some_and(|plain| same(&sha256(plain.as_bytes()), &sha256(password)))
        }
        HashKind::Sha => {
            let wanted = behind("{SHA}").and_then(|text| STANDARD.decode(text).ok());
            wanted.is_some_and(|wanted| same(&wanted, &sha1(password)))
        }
        HashKind::SaltedSha => {
            let wanted = behind("{SSHA}").and_then(|text| STANDARD.decode(text).ok());
            wanted.as_deref().and_then(|wanted| wanted.split_at_checked(20)).is_some_and(|(wanted, salt)| {
                let mut sha = Sha1::new();
                sha.update(password);
                sha.update(salt);
                same(wanted, &sha.finish())
            })
        }
        HashKind::Apr1 => behind("$apr1$").is_some_and(|rest| md5::verify("$apr1$", rest, password)),
        HashKind::Md5 => behind("$1$").is_some_and(|rest| md5::verify("$1$", rest, password)),
        HashKind::Sha256 | HashKind::Sha512 => ShaCrypt::default().verify_password(password, text).is_ok(),
        HashKind::Bcrypt => bcrypt::verify(password, text).unwrap_or(false),
        HashKind::Des => des::verify(text, password),
    }
}

/// Whether two texts are the same, in a time that depends on their length alone.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && openssl::memcmp::eq(a, b)
}

#[cfg(test)]
mod tests;
