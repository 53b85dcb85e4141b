//! What strangers wrote, made harmless for logs.
//!
//! A reader of the log must see one line per request, and a terminal that shows it must not be steered by a client. So
//! everything but printable ASCII leaves as an escape, in the manner of the format; what is too long is cut.

/// The longest text of a client that a line shows, in bytes. The rest becomes `...`.
const MAX: usize = 2048;

/// `text` between quotes as a JSON string (RFC 8259 section 7).
pub(super) fn json(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    json_inside(out, text);
    out.push(b'"');
}

/// The same without the quotes.
pub(super) fn json_inside(out: &mut Vec<u8>, text: &str) {
    let (text, cut) = bounded(text);
    if !cut && all_plain(text) {
        return out.extend_from_slice(text.as_bytes());
    }
    let mut start = 0;
    for (index, char) in text.char_indices() {
        if u8::try_from(char).is_ok_and(is_plain) {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[start..index]);
        start = index + char.len_utf8();
        match char {
            '"' | '\\' => out.extend_from_slice(&[b'\\', char as u8]),
            _ if is_harmless(char) => out.extend_from_slice(&text.as_bytes()[index..start]),
            _ => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    out.extend_from_slice(b"\\u");
                    let [high, low] = unit.to_be_bytes();
                    hex(out, high);
                    hex(out, low);
                }
            }
        }
    }
    out.extend_from_slice(&text.as_bytes()[start..]);
    out.extend_from_slice(if cut { b"..." } else { b"" });
}

/// `text` as it is, but for what ends a line or steers a terminal: that is `\xHH`.
pub(super) fn controls(out: &mut Vec<u8>, text: &str) {
    let (text, cut) = bounded(text);
    for char in text.chars() {
        if char == ' ' || char.is_ascii_graphic() || is_harmless(char) {
            out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                out.extend_from_slice(b"\\x");
                hex(out, byte);
            }
        }
    }
    out.extend_from_slice(if cut { b"..." } else { b"" });
}

/// `text` in the manner of nginx: `"`, `\` and whatever is not printable ASCII as `\xHH`; empty text as `-`.
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    if text.is_empty() {
        out.push(b'-');
    }
    let (text, cut) = bounded(text);
    if !cut && all_plain(text) {
        return out.extend_from_slice(text.as_bytes());
    }
    for byte in text.bytes() {
        if is_plain(byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(b"\\x");
            hex(out, byte);
        }
    }
    if cut {
        out.extend_from_slice(b"...");
    }
}

/// Whether nothing of it needs an escape, which is so for nearly every text. It looks at all bytes in any case, which is
/// one step for sixteen of them.
fn all_plain(text: &str) -> bool {
    text.bytes().fold(true, |all, byte| all & is_plain(byte))
}

/// Printable ASCII that means nothing in either format.
fn is_plain(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) & (byte != b'"') & (byte != b'\\')
}

/// Letters and the like may stay as they are; controls, directions, line ends and private characters may not.
fn is_harmless(char: char) -> bool {
    char.is_alphanumeric()
}

fn bounded(text: &str) -> (&str, bool) {
    if text.len() <= MAX {
        return (text, false);
    }
    let end = (0..=MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    (&text[..end], true)
}

fn hex(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}
