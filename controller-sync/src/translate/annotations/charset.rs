//! The sets of characters that ingress-nginx lets values have. They are part of the interface: users rely on what is refused.

use crate::translate::value::{Invalid, Parsed};

/// The longest value that is looked at, in bytes.
const MAX_BYTES: usize = 2048;

/// What *basic* values have beside letters and digits.
pub(in crate::translate) const BASIC: &str = "-._~/:";
/// [`BASIC`] and what URLs need.
pub(in crate::translate) const URL: &str = "-._~/:,?&=";
/// [`BASIC`] and what regular expressions need.
pub(in crate::translate) const REGEX: &str = r"-._~/:^$[](){}*+?|&=\";

/// Whether a byte is a letter, a digit or one of these marks.
pub(in crate::translate) fn has(byte: u8, marks: &str) -> bool {
    byte.is_ascii_alphanumeric() || marks.as_bytes().contains(&byte)
}

/// Letters, digits, `- . _ ~ / :`.
pub(in crate::translate) fn basic(byte: u8) -> bool {
    has(byte, BASIC)
}

/// [`basic`] and `$`.
pub(in crate::translate) fn rewrite(byte: u8) -> bool {
    basic(byte) || byte == b'$'
}

/// [`basic`] and what URLs need.
pub(super) fn url(byte: u8) -> bool {
    has(byte, URL)
}

/// [`basic`] and what regular expressions need.
pub(in crate::translate) fn regex(byte: u8) -> bool {
    has(byte, REGEX)
}

/// Refuses a value with a character outside a set.
pub(in crate::translate) fn check(text: &str, allowed: impl Fn(u8) -> bool) -> Parsed<()> {
    if text.len() > MAX_BYTES {
        return Err(Invalid::new(text, &format!("is longer than {MAX_BYTES} bytes"), "shorten it"));
    }
    match text.chars().find(|char| !u8::try_from(*char).is_ok_and(&allowed)) {
        None => Ok(()),
        Some(char) => Err(Invalid::new(
            text,
            &format!("has {char:?}, which ingress-nginx does not allow here either"),
            "leave the character out",
        )),
    }
}
