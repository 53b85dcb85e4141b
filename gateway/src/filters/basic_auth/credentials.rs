//! Name and password out of `Authorization` (RFC 7617 section 2).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use ingora_config::basic_auth::{MAX_PASSWORD_BYTES, is_user_name};
use zeroize::Zeroizing;

/// The longest base64 of name, colon and password.
const MAX_BASE64: usize = 1024;

/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a client claims. Wiped from memory when dropped; it has no `Debug`, so that no log can show it.
pub struct Credentials {
    text: Zeroizing<Vec<u8>>,
    colon: usize,
}

impl Credentials {
    /// `None` when there are none, or none that anybody could log in with. Several headers are none: whoever reads another
    /// one of them than we do would see another user.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next()?.as_bytes();
        if values.next().is_some() {
            return None;
        }
        let (scheme, encoded) = value.split_at_checked(6)?;
        let encoded = encoded.trim_ascii();
        if !scheme.eq_ignore_ascii_case(b"basic ") || encoded.len() > MAX_BASE64 {
            return None;
        }
        let text = Zeroizing::new(BASE64.decode(encoded).ok()?);
        let colon = memchr::memchr(b':', &text)?;
        let credentials = Self { text, colon };
        let password = credentials.password();
        // `crypt` ends a password at the first zero: two passwords would be one.
        let good = password.len() <= MAX_PASSWORD_BYTES && !password.contains(&0);
        (good && is_user_name(credentials.name()?)).then_some(credentials)
    }

    fn name(&self) -> Option<&str> {
        std::str::from_utf8(&self.text[..self.colon]).ok()
    }

    /// Who the client says it is.
    pub fn user(&self) -> &str {
        self.name().unwrap_or_default()
    }

    /// What it knows.
    pub fn password(&self) -> &[u8] {
        &self.text[self.colon + 1..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(values: &[&str]) -> Option<(String, Vec<u8>)> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let read = Credentials::read(&headers)?;
        Some((read.user().to_owned(), read.password().to_vec()))
    }

    #[test]
    fn name_and_password_are_on_both_sides_of_the_first_colon() {
        let ann = Some(("ann".to_owned(), b"a:b c".to_vec()));
        for value in ["Basic YW5uOmE6YiBj", "basic YW5uOmE6YiBj", "BASIC   YW5uOmE6YiBj  "] {
            assert_eq!(read(&[value]), ann, "{value}");
        }
        // With and without padding.
        for value in ["Basic YW5uOg==", "Basic YW5uOg"] {
            assert_eq!(read(&[value]), Some(("ann".to_owned(), Vec::new())), "{value}");
        }
    }

    #[test]
    fn what_nobody_could_log_in_with_is_nothing() {
        let encode = |text: &[u8]| format!("Basic {}", BASE64.encode(text));
        for value in [
            "",
            "Basic",
            "Basic ",
            "Basic !!!!",
            "Bearer YW5uOmE=",
            "BasicYW5uOmE=",
            &encode(b"ann"),
            &encode(b":a"),
            &encode(b"a\nb:c"),
            &encode(b"\xff:c"),
            &encode(b"ann:a\0b"),
            &encode(&[b"ann:".as_slice(), &[b'a'; 256]].concat()),
            &encode(&[b"ann:".as_slice(), &[b'a'; 9000]].concat()),
        ] {
            assert_eq!(read(&[value]), None, "{value}");
        }
        assert_eq!(read(&["Basic YW5uOmE=", "Basic YW5uOmE="]), None);
        assert_eq!(read(&[]), None);
    }
}
