//! A client's place in a group (`affinity: cookie`): what its cookie says, and which endpoint that is.
//!
//! ```text
//!   <32 hex digits: the place>|<32 hex digits: the group>
//! ```
//!
//! In mode *balanced* the place is a number by chance, looked up on the group's ring; in mode *persistent* it stands for one
//! endpoint. Both halves are digests or chance: they tell nobody an address, and they are the same in every replica. A
//! place that nobody knows is none, so that there is nothing to gain by making one up.

use super::chance;
use ingora_config::policy::AffinityMode;
use openssl::sha::Sha256;

/// Half of a cookie: lower-case hex digits.
pub type Tag = [u8; 32];

/// What is known of the session of one request.
#[derive(Clone, Debug)]
pub struct Session {
    /// How the place is read.
    pub mode: AffinityMode,
    /// Whether a failure may move the client.
    pub change_on_failure: bool,
    /// Its place; `None` before it has one.
    pub place: Option<Tag>,
    /// Whether the client has to be told its place.
    pub fresh: bool,
}

/// A digest of texts, none of which holds a zero.
pub(super) fn digest(texts: &[&str]) -> Tag {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(text.as_bytes());
        hasher.update(&[0]);
    }
    hex(&hasher.finish())
}

/// A place by chance.
pub(super) fn any_place() -> Tag {
    let (high, low) = (chance::number().to_be_bytes(), chance::number().to_be_bytes());
    hex(&[high, low].concat())
}

fn hex(bytes: &[u8]) -> Tag {
    let mut tag = [b'0'; 32];
    for (pair, byte) in tag.chunks_exact_mut(2).zip(bytes) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    tag
}

/// Both halves of a cookie's value; `None` for what none of ours is.
pub fn parse(value: &[u8]) -> Option<(&Tag, &Tag)> {
    let (place, rest) = value.split_first_chunk::<32>()?;
    let group = rest.strip_prefix(b"|")?;
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let group: &Tag = group.try_into().ok()?;
    (place.iter().all(is_hex) && group.iter().all(is_hex)).then_some((place, group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_two_halves_of_hex_digits_and_nothing_else_is_one() {
        let (place, group) = (any_place(), digest(&["shop-web-80"]));
        let value = [&place[..], b"|", &group].concat();
        assert_eq!(parse(&value), Some((&place, &group)));
        let text = String::from_utf8(value).unwrap();
        let (short, long, upper) = (&text[1..], format!("{text}0"), text.to_ascii_uppercase());
        for other in ["", "|", short, &long, &upper, &text.replace('|', "0"), &text.replace('|', "||")] {
            assert_eq!(parse(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn digests_are_the_same_everywhere_and_tell_texts_apart() {
        assert_eq!(&digest(&["shop-web-80"]), b"d8ec73c1ddc343dd21310489e7d8a688");
        assert_ne!(digest(&["a", "b"]), digest(&["ab"]));
        assert_ne!(any_place(), any_place());
    }
}
