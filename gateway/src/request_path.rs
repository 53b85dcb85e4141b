//! The path of a request in the form that rules are compared with.
//!
//! As in nginx: percent-decoded, runs of slashes merged, `.` and `..` resolved; an encoded slash or dot counts as one.
//! So `//shop/%2e/a%2Fb` is `/shop/a/b`. Upstreams get the raw path; this one is for routing and for everything that
//! decides by path, so that no two of them can see different paths.
//!
//! What has no single meaning is refused: broken escapes, control characters, `..` above the root, anything that does
//! not start with a slash.
//!
//! Bytes that are not UTF-8, as in `/caf%E9`, are legal in a path and have to stay distinct from all others: each
//! becomes a private character, `U+10FF00` plus the byte. A request that spells out such a character is refused, so that
//! different requests never look the same.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The first of the private characters that stand for bytes; the byte is added.
const BYTES: u32 = 0x10_FF00;

/// A path that two readers could understand differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmbiguousPath {
    /// It does not start with a slash.
    #[error("the path does not start with a slash")]
    NotAbsolute,
    /// A `%` without two hexadecimal digits.
    #[error("the path has a % without two hexadecimal digits")]
    BrokenEscape,
    /// NUL, a line end or another control character, encoded or not.
    #[error("the path has a control character")]
    ControlCharacter,
    /// More `..` than there are elements before it.
    #[error("the path leads above the root")]
    AboveRoot,
    /// A character that stands for something else here.
    #[error("the path has a character that is reserved")]
    Reserved,
}

/// Works out the path that rules are compared with from a raw path without its query. Borrows when nothing is to be done,
/// which is what nearly all requests look like.
///
/// # Errors
/// When the path has no single meaning; the request is to be refused.
pub fn normalise(raw: &str) -> Result<Cow<'_, str>, AmbiguousPath> {
    if !raw.starts_with('/') {
        return Err(AmbiguousPath::NotAbsolute);
    }
    if is_normal(raw.as_bytes()) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut path = decode(raw.as_bytes())?;
    resolve(&mut path)?;
    text(path).map(Cow::Owned)
}

/// Whether there is nothing to decode, merge, resolve or refuse. Paths of ASCII only: the rest is rare.
fn is_normal(path: &[u8]) -> bool {
    let mut previous = 0;
    for (index, &byte) in path.iter().enumerate() {
        let suspect = match byte {
            b'%' | 0x7F.. | ..b' ' => true,
            b'/' => previous == b'/',
            b'.' => previous == b'/' && is_dot_segment(&path[index..]),
            _ => false,
        };
        if suspect {
            return false;
        }
        previous = byte;
    }
    true
}

/// Whether an element that starts with a dot is `.` or `..`.
fn is_dot_segment(rest: &[u8]) -> bool {
    matches!(rest, [b'.'] | [b'.', b'/', ..] | [b'.', b'.'] | [b'.', b'.', b'/', ..])
}

fn decode(raw: &[u8]) -> Result<Vec<u8>, AmbiguousPath> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [byte, tail @ ..] = rest {
        let byte = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) => {
                rest = tail;
                let digit = |byte: &u8| char::from(*byte).to_digit(16).ok_or(AmbiguousPath::BrokenEscape);
                // Two digits make at most 255.
                (digit(high)? * 16 + digit(low)?) as u8
            }
            (b'%', _) => return Err(AmbiguousPath::BrokenEscape),
            (byte, tail) => {
                rest = tail;
                *byte
            }
        };
        if byte.is_ascii_control() {
            return Err(AmbiguousPath::ControlCharacter);
        }
        decoded.push(byte);
    }
    Ok(decoded)
}

/// Merges slashes and resolves dot segments in place (RFC 3986 section 5.2.4, but refusing to go above the root).
fn resolve(path: &mut Vec<u8>) -> Result<(), AmbiguousPath> {
    // What is written never gets ahead of what is read. Both start after the first slash.
    let (mut read, mut written) = (1, 1);
    while read < path.len() {
        let length = path[read..].iter().position(|byte| *byte == b'/').unwrap_or(path.len() - read);
        let end = read + length;
        match &path[read..end] {
            b"" | b"." => {}
            b".." => {
                if written == 1 {
                    return Err(AmbiguousPath::AboveRoot);
                }
                // The slash before the last one starts the element that goes.
                let before = path[..written - 1].iter().rposition(|byte| *byte == b'/');
                written = before.map_or(1, |slash| slash + 1);
            }
            _ => {
                path.copy_within(read..end, written);
                written += length;
                if end < path.len() {
                    path[written] = b'/';
                    written += 1;
                }
            }
        }
        read = end + 1;
    }
    path.truncate(written);
    Ok(())
}

fn text(path: Vec<u8>) -> Result<String, AmbiguousPath> {
    let reserved = |text: &str| text.chars().any(|char| char as u32 >= BYTES);
    let path = match String::from_utf8(path) {
        Ok(path) if reserved(&path) => return Err(AmbiguousPath::Reserved),
        Ok(path) => path,
        Err(error) => {
            let mut path = String::new();
            for chunk in error.as_bytes().utf8_chunks() {
                if reserved(chunk.valid()) {
                    return Err(AmbiguousPath::Reserved);
                }
                path.push_str(chunk.valid());
                path.extend(
                    chunk.invalid().iter().filter_map(|byte| char::from_u32(BYTES + u32::from(*byte))),
                );
            }
            path
        }
    };
    // The C1 controls, which only now can be told from parts of other characters.
    if path.chars().any(char::is_control) { Err(AmbiguousPath::ControlCharacter) } else { Ok(path) }
}

/// The bytes of a normal path: those that the client meant, private characters turned back.
pub fn bytes(path: &str) -> Cow<'_, [u8]> {
    // The first byte that a private character has in UTF-8.
    if memchr::memchr(0xF4, path.as_bytes()).is_none() {
        return Cow::Borrowed(path.as_bytes());
    }
    let mut bytes = Vec::with_capacity(path.len());
    for char in path.chars() {
        match u32::from(char).checked_sub(BYTES) {
            // At most 0xFF: there are no characters beyond.
            Some(private) => bytes.push(private as u8),
            None => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// A raw path for an upstream, with exactly those bytes escaped that nginx escapes when it has rewritten a path: controls,
/// space, `" # % < > ? \ ^ \` { | }`, DEL and everything beyond ASCII. What comes out is a valid path whatever goes in.
pub fn escape(path: &[u8]) -> String {
    let mut raw = String::with_capacity(path.len() + 1);
    if path.first() != Some(&b'/') {
        raw.push('/');
    }
    for &byte in path {
        if matches!(byte, 0x21..=0x7E) && !br##""#%<>?\^`{|}"##.contains(&byte) {
            raw.push(byte.into());
        } else {
            write!(raw, "%{byte:02X}").expect("writing into a String cannot fail");
        }
    }
    raw
}

/// A raw path that [`normalise`] turns into `path` again; for links that the gateway makes itself.
pub fn encode(path: &str) -> String {
    let mut raw = String::with_capacity(path.len());
    let mut byte = |byte: u8| match byte {
        b'/' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&'..=b',' | b';' | b'=' | b':' | b'@' => {
            raw.push(byte.into())
        }
        byte if byte.is_ascii_alphanumeric() => raw.push(byte.into()),
        byte => write!(raw, "%{byte:02X}").expect("writing into a String cannot fail"),
    };
    for char in path.chars() {
        match u32::from(char).checked_sub(BYTES) {
            // At most 0xFF: there are no characters beyond.
            Some(private) => byte(private as u8),
            None => char.encode_utf8(&mut [0; 4]).bytes().for_each(&mut byte),
        }
    }
    raw
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_paths_are_borrowed() {
        for path in
            ["/", "/a", "/a/b.html", "/.well-known/acme", "/a/..b", "/...", "/a;b=c", "/a.", "/a..", "/a b"]
        {
            assert!(matches!(normalise(path), Ok(Cow::Borrowed(same)) if same == path), "{path}");
        }
    }

    #[test]
    fn paths_are_decoded_merged_and_resolved_as_in_nginx() {
        for (raw, path) in [
            ("//foo", "/foo"),
            ("/foo%2Fbar", "/foo/bar"),
            ("/foo%2fbar//", "/foo/bar/"),
            ("/a/./b/../c", "/a/c"),
            ("/a/%2e%2E/b", "/b"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/./", "/"),
            ("/a/..", "/"),
            ("/a//../b", "/b"),
            ("/%41%20%C3%BC", "/A ü"),
            ("/ü", "/ü"),
            ("/a%3Fb%23c%25d", "/a?b#c%d"),
            ("/%252e%252e/", "/%2e%2e/"),
            ("/a%5C..%5Cb", "/a\\..\\b"),
        ] {
            assert_eq!(normalise(raw).as_deref(), Ok(path), "{raw}");
        }
    }

    #[test]
    fn what_has_no_single_meaning_is_refused() {
        use AmbiguousPath::{AboveRoot, BrokenEscape, ControlCharacter, NotAbsolute, Reserved};
        for (raw, why) in [
            ("", NotAbsolute),
            ("*", NotAbsolute),
            ("a/b", NotAbsolute),
            ("%2Fa", NotAbsolute),
            ("/%", BrokenEscape),
            ("/%4", BrokenEscape),
            ("/%4g", BrokenEscape),
            ("/%+4", BrokenEscape),
            ("/%00", ControlCharacter),
            ("/a%0d%0aX", ControlCharacter),
            ("/\u{7f}", ControlCharacter),
            ("/a\nb", ControlCharacter),
            ("/%C2%85", ControlCharacter),
            ("/..", AboveRoot),
            ("/a/../..", AboveRoot),
            ("/%2e%2e/a", AboveRoot),
            ("//..", AboveRoot),
            ("/\u{10ffe9}", Reserved),
            ("/%F4%8F%BF%A9", Reserved),
            ("/%F4%8F%BF%A9%FF", Reserved),
        ] {
            assert_eq!(normalise(raw), Err(why), "{raw:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_stay_distinct() {
        assert_eq!(normalise("/caf%E9").as_deref(), Ok("/caf\u{10ffe9}"));
        assert_ne!(normalise("/%E9").unwrap(), normalise("/%E8").unwrap());
        assert_ne!(normalise("/%E9").unwrap(), normalise("/%25E9").unwrap());
        // An overlong slash is no slash.
        assert_ne!(normalise("/a%C0%AFb").unwrap(), "/a/b");
    }

    #[test]
    fn bytes_are_those_of_the_client() {
        let bytes = |raw: &str| bytes(&normalise(raw).unwrap()).into_owned();
        assert_eq!(bytes("/a%E9%20b"), b"/a\xe9 b");
        assert_eq!(bytes("/%C3%BC"), "/ü".as_bytes());
        assert_eq!(bytes("/%F0%9F%98%80"), "/😀".as_bytes());
    }

    #[test]
    fn a_rewritten_path_is_escaped_as_nginx_does() {
        assert_eq!(escape(b"/a b?c#d%e"), "/a%20b%3Fc%23d%25e");
        assert_eq!(escape(b"/[x](y)!$&'*+,;=:@~-._"), "/[x](y)!$&'*+,;=:@~-._");
        assert_eq!(escape(b"/\"<>\\^`{|}\x7f\xc3\xbc\r\n"), "/%22%3C%3E%5C%5E%60%7B%7C%7D%7F%C3%BC%0D%0A");
        assert_eq!(escape(b""), "/");
        assert_eq!(escape(b"x"), "/x");
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_naive_reading(elements in proptest::collection::vec(
            prop_oneof![Just("a"), Just("."), Just(".."), Just(""), Just("..."), Just("%2e"), Just(".%2E"), Just("b%2F"), Just("%20")],
            0..8,
        )) {
            let raw = format!("/{}", elements.join("/"));
            let decoded = raw.replace("%2e", ".").replace("%2E", ".").replace("%2F", "/").replace("%20", " ");
            let mut stack = Vec::new();
            let mut above = false;
            for element in decoded.split('/').filter(|element| !element.is_empty() && *element != ".") {
                if element == ".." { above |= stack.pop().is_none() } else { stack.push(element) }
            }
            let slash = matches!(decoded.rsplit('/').next(), Some("" | "." | ".."));
            let expected = match (above, stack.is_empty()) {
                (true, _) => Err(AmbiguousPath::AboveRoot),
                (_, true) => Ok("/".to_owned()),
                _ => Ok(format!("/{}{}", stack.join("/"), if slash { "/" } else { "" })),
            };
            prop_assert_eq!(normalise(&raw).map(Cow::into_owned), expected);
        }

        #[test]
        fn an_escaped_path_is_a_valid_target_that_means_the_same(path in proptest::collection::vec(any::<u8>(), 0..40)) {
            let raw = escape(&path);
            prop_assert!(raw.starts_with('/') && raw.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#'));
            let target = http::uri::PathAndQuery::try_from(raw.as_str());
            prop_assert_eq!(target.map(|target| target.as_str().to_owned()).ok(), Some(raw.clone()));
            let decoded = decode(raw.as_bytes());
            let start: &[u8] = if path.first() == Some(&b'/') { b"" } else { b"/" };
            if !path.iter().any(u8::is_ascii_control) {
                prop_assert_eq!(decoded, Ok([start, &path].concat()));
            }
        }

        #[test]
        fn a_normal_path_survives_encoding_and_is_normal(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let raw: String = std::iter::once('/').chain(bytes.iter().map(|byte| char::from(*byte))).collect();
            let escaped = bytes.iter().fold("/".to_owned(), |raw, byte| format!("{raw}%{byte:02x}"));
            for raw in [raw, escaped] {
                let Ok(path) = normalise(&raw) else { continue };
                prop_assert!(path.starts_with('/') && !path.contains("//") && !path.chars().any(char::is_control));
                prop_assert!(!path.split('/').any(|element| element == "." || element == ".."));
                let encoded = encode(&path);
                prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert_eq!(normalise(&encoded), Ok(path));
            }
        }
    }
}
