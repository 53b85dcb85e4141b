//! Names of certificates as text, in the form that nginx' `$ssl_client_s_dn` has: RFC 2253, the last part first, as
//! `emailAddress=me@example.com,CN=client,O=Example`.

use openssl::x509::{X509NameEntryRef, X509NameRef};
use std::fmt::Write as _;

/// The longest name in its encoding, in bytes; nobody has one.
const MAX_ENCODED: usize = 4096;

/// The name as printable ASCII; `None` when it is too long to be one.
pub(super) fn text(name: &X509NameRef) -> Option<String> {
    let der = name.to_der().ok().filter(|der| der.len() <= MAX_ENCODED)?;
    let parts = parts(&der)?;
    let entries: Vec<&X509NameEntryRef> = name.entries().collect();
    if entries.len() != parts.len() {
        return None;
    }
    let mut text = String::new();
    let mut before = None;
    for (entry, part) in entries.into_iter().zip(parts).rev() {
        match before.replace(part.set) {
            None => {}
            Some(set) if set == part.set => text.push('+'),
            Some(_) => text.push(','),
        }
        write(&mut text, entry, part.value);
    }
    Some(text)
}

/// One attribute in its encoding.
struct Part<'d> {
    /// Which of the sets it is in: several in one set are one part of the name.
    set: usize,
    /// Its value, tag and length included.
    value: &'d [u8],
}

fn parts(der: &[u8]) -> Option<Vec<Part<'_>>> {
    let (_, mut sets, _) = element(der)?;
    let mut parts = Vec::new();
    let mut index = 0;
    while !sets.is_empty() {
        let (_, mut set, rest) = element(sets)?;
        while !set.is_empty() {
            let (_, attribute, others) = element(set)?;
            let (_, _, value) = element(attribute)?;
            parts.push(Part { set: index, value });
            set = others;
        }
        sets = rest;
        index += 1;
    }
    Some(parts)
}

/// The first element of an encoding (ITU-T X.690): its tag, its content, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => (usize::from(*rest.first()?) << 8 | usize::from(*rest.get(1)?), &rest[2..]),
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn write(text: &mut String, entry: &X509NameEntryRef, encoded: &[u8]) {
    let object = entry.object();
    let known = object.nid().short_name().ok().filter(|_| object.nid() != openssl::nid::Nid::UNDEF);
    match (known, entry.data().to_string()) {
        (Some(name), Ok(value)) => {
            text.push_str(name);
            text.push('=');
            escape(text, &value);
        }
        _ => {
            let _ = write!(text, "{object}=#");
            encoded.iter().for_each(|byte| {
                let _ = write!(text, "{byte:02X}");
            });
        }
    }
}

/// RFC 2253 section 2.4; bytes that are not printable ASCII as two digits.
fn escape(text: &mut String, value: &str) {
    let last = value.len().saturating_sub(1);
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            b'#' | b' ' if at == 0 => {
                text.push('\\');
                text.push(char::from(byte));
            }
            b' ' if at == last => text.push_str("\\ "),
            0x20..=0x7e => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::x509::X509NameBuilder;

    fn name(parts: &[(&str, &str)]) -> String {
        let mut builder = X509NameBuilder::new().unwrap();
        parts.iter().for_each(|(key, value)| builder.append_entry_by_text(key, value).unwrap());
        text(&builder.build()).unwrap()
    }

    #[test]
    fn the_last_part_comes_first() {
        let text =
            name(&[("C", "DE"), ("O", "Example"), ("CN", "client"), ("emailAddress", "me@example.com")]);
        assert_eq!(text, "emailAddress=me@example.com,CN=client,O=Example,C=DE");
        assert_eq!(name(&[]), "");
    }

    #[test]
    fn no_value_can_look_like_another_part() {
        assert_eq!(name(&[("CN", "a,O=evil+CN=b\\\"<>;")]), "CN=a\\,O=evil\\+CN=b\\\\\\\"\\<\\>\\;");
        assert_eq!(name(&[("CN", "#a b ")]), "CN=\\#a b\\ ");
        assert_eq!(name(&[("CN", "ä\r\nx")]), "CN=\\C3\\A4\\0D\\0Ax");
    }

    #[test]
    fn a_name_of_unreasonable_length_is_none() {
        let mut builder = X509NameBuilder::new().unwrap();
        (0..100).for_each(|_| builder.append_entry_by_text("O", &"x".repeat(60)).unwrap());
        assert_eq!(text(&builder.build()), None);
    }
}
