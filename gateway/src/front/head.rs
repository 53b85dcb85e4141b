//! The head of an HTTP/1 request, checked byte by byte before the engine sees it.
//!
//! The engine forgives: it repairs targets, drops a Content-Length beside a Transfer-Encoding, takes any Host. An edge
//! must not: what two parties can read in two ways is how requests are smuggled. Whatever is ambiguous is refused here
//! and never forwarded (RFC 9112 sections 2.2, 3.2, 5, 6.1 and 11.2).

use crate::authority;
use crate::reason::Reason;

/// The longest request line, in bytes, unless `large-client-header-buffers` says otherwise.
pub const MAX_REQUEST_LINE: usize = 8 * 1024;
/// The largest request line and header together, in bytes, alike.
pub const MAX_HEAD: usize = 32 * 1024;
/// The most header lines. The engine itself stops at 256.
pub const MAX_HEADER_LINES: usize = 128;

/// How the end of a request's body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// This many bytes; 0 when the request has no body.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// A complete and unambiguous head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its length in bytes, the empty line included.
    pub length: usize,
    /// What follows.
    pub framing: Framing,
    /// Whether an `Upgrade` was asked for.
    pub upgrade: bool,
    /// Where scheme and authority of an absolute-form target stand; empty for the usual origin form.
    pub absolute: (usize, usize),
}

/// How far [`Scan::advance`] got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More bytes are needed.
    Partial,
    /// The whole head is there.
    Complete(Head),
}

/// Finds the end of a head while it arrives, without reading any byte twice.
#[derive(Debug)]
pub struct Scan {
    max_request_line: usize,
    max_head: usize,
    line_start: usize,
    scanned: usize,
    lines: usize,
}

impl Default for Scan {
    fn default() -> Self {
        Self::within(MAX_REQUEST_LINE, MAX_HEAD)
    }
}

impl Scan {
    /// Looks for a head that is no larger, in bytes: its request line, and all of it.
    pub fn within(max_request_line: usize, max_head: usize) -> Self {
        Self { max_request_line, max_head, line_start: 0, scanned: 0, lines: 0 }
    }

    /// Looks at everything received so far; `bytes` starts with the request line and only ever grows.
    ///
    /// # Errors
    /// The reason to refuse the request with, as soon as it is known.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Progress, Reason> {
        while let Some(offset) = memchr::memchr(b'\n', &bytes[self.scanned..]) {
            let end = self.scanned + offset;
            let line = bytes[self.line_start..end].strip_suffix(b"\r").ok_or(Reason::BadRequest)?;
            self.scanned = end + 1;
            self.line_start = end + 1;
            match (self.lines, line.len()) {
                (0, 0) => return Err(Reason::BadRequest),
                (0, length) if length > self.max_request_line => return Err(Reason::UriTooLong),
                (lines, _) if lines > MAX_HEADER_LINES || self.scanned > self.max_head => {
                    return Err(Reason::HeaderTooLarge);
                }
                (_, 0) => return parse(&bytes[..self.scanned]).map(Progress::Complete),
                _ => self.lines += 1,
            }
        }
        self.scanned = bytes.len();
        match self.lines {
            0 if bytes.len() > self.max_request_line => Err(Reason::UriTooLong),
            _ if bytes.len() > self.max_head => Err(Reason::HeaderTooLarge),
            _ => Ok(Progress::Partial),
        }
    }
}

/// Reads a whole head that ends with an empty line and whose lines all end with CRLF.
fn parse(head: &[u8]) -> Result<Head, Reason> {
    let mut lines = Lines(head);
    let request_line = lines.next().ok_or(Reason::BadRequest)?;
    let RequestLine { authority: target_authority, absolute, http11 } = parse_request_line(request_line)?;
    let mut seen = Seen::default();
    for line in lines {
        if line.is_empty() {
            break;
        }
        seen.header(line)?;
    }
    let framing = seen.framing(http11)?;
    match (seen.host, target_authority) {
        (None, target) if http11 || target.is_some() => return Err(Reason::BadRequest),
        (Some(host), Some(target)) if !host.eq_ignore_ascii_case(target) => return Err(Reason::BadRequest),
        _ => {}
    }
    Ok(Head { length: head.len(), framing, upgrade: seen.upgrade, absolute })
}

/// What a request line says.
struct RequestLine<'a> {
    /// The authority of an absolute-form target.
    authority: Option<&'a [u8]>,
    /// Where it stands, with its scheme.
    absolute: (usize, usize),
    /// Whether the version is HTTP/1.1; else it is HTTP/1.0.
    http11: bool,
}

fn parse_request_line(line: &[u8]) -> Result<RequestLine<'_>, Reason> {
    let mut parts = line.split(|&b| b == b' ');
    let (method, target, version) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(method), Some(target), Some(version), None) => (method, target, version),
        _ => return Err(Reason::BadRequest),
    };
    let http11 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        _ => return Err(Reason::BadRequest),
    };
    if method.is_empty() || method.len() > 32 || !all(method, |b| is_token(b) & !b.is_ascii_lowercase()) {
        return Err(Reason::BadRequest);
    }
    if method == b"CONNECT" || method == b"TRACE" {
        return Err(Reason::MethodNotAllowed);
    }
    // `#` starts a fragment, which is never sent; anything above ASCII must at least be UTF-8.
    let printable = all(target, |b| (b > b' ') & (b != 0x7f) & (b != b'#'));
    if !printable || std::str::from_utf8(target).is_err() {
        return Err(Reason::BadRequest);
    }
    if target.first() == Some(&b'/') {
        return Ok(RequestLine { authority: None, absolute: (0, 0), http11 });
    }
    let rest = strip_scheme(target).ok_or(Reason::BadRequest)?;
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    let authority = &rest[..end];
    if authority::parse(authority).is_none() {
        return Err(Reason::BadRequest);
    }
    let start = method.len() + 1;
    let absolute = (start, start + target.len() - rest.len() + end);
    Ok(RequestLine { authority: Some(authority), absolute, http11 })
}

fn strip_scheme(target: &[u8]) -> Option<&[u8]> {
    ["http://", "https://"].iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme.as_bytes()).then_some(rest)
    })
}

/// The few headers that decide about framing and authority.
#[derive(Default)]
struct Seen<'a> {
    host: Option<&'a [u8]>,
    content_length: Option<u64>,
    transfer_encoding: Option<Result<(), Reason>>,
    upgrade: bool,
}

impl<'a> Seen<'a> {
    #[allow(clippy::collapsible_match, reason = "a guard that notes the header as seen would hide it")]
    fn header(&mut self, line: &'a [u8]) -> Result<(), Reason> {
        // A line that starts with white space is obs-fold; a name never has any, so that is refused here as well.
        let colon = memchr::memchr(b':', line).ok_or(Reason::BadRequest)?;
        let (name, value) = (&line[..colon], trim(&line[colon + 1..]));
        if name.is_empty() || !all(name, is_token) || !all(value, is_field_value) {
            return Err(Reason::BadRequest);
        }
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => {
                if self.host.replace(value).is_some() || authority::parse(value).is_none() {
                    return Err(Reason::BadRequest);
                }
            }
            6 if name.eq_ignore_ascii_case(b"expect") => {
                if !value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(Reason::ExpectationFailed);
                }
            }
            7 if name.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                if self.content_length.replace(parse_length(value)?).is_some() {
                    return Err(Reason::BadRequest);
                }
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.transfer_encoding.replace(transfer_coding(value)).is_some() {
                    return Err(Reason::BadRequest);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn framing(&self, http11: bool) -> Result<Framing, Reason> {
        match (self.transfer_encoding, self.content_length) {
            (None, length) => Ok(Framing::Length(length.unwrap_or(0))),
            (Some(_), Some(_)) => Err(Reason::BadRequest),
            (Some(_), None) if !http11 => Err(Reason::BadRequest),
            (Some(coding), None) => coding.map(|()| Framing::Chunked),
        }
    }
}

/// Digits only: no sign, no list, no white space inside (RFC 9110 section 8.6).
fn parse_length(value: &[u8]) -> Result<u64, Reason> {
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return Err(Reason::BadRequest);
    }
    Ok(value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// `chunked`, once, is all that is understood.
fn transfer_coding(value: &[u8]) -> Result<(), Reason> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let mut codings = value.split(|&b| b == b',').map(trim);
    let known = codings.all(|coding| coding.eq_ignore_ascii_case(b"chunked") || coding.is_empty());
    Err(if known { Reason::BadRequest } else { Reason::UnknownTransferCoding })
}

/// `tchar` of RFC 9110 section 5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// Optional white space is space and tab, nothing else (RFC 9110 section 5.6.3).
fn trim(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}

/// What a field value may hold: visible bytes, space and tab (RFC 9110 section 5.5).
fn is_field_value(byte: u8) -> bool {
    (byte >= b' ') & (byte != 0x7f) | (byte == b'\t')
}

/// Whether all bytes are. It looks at each of them in any case, which is faster than to stop at the first.
fn all(bytes: &[u8], are: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, byte| all & are(*byte))
}

/// Which bytes are `tchar`.
const TOKEN: [bool; 256] = {
    let mut token = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        let other = matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        );
        if other || byte.is_ascii_alphanumeric() {
            token[byte as usize] = true;
        }
        byte += 1;
    }
    token
};

/// The CRLF-terminated lines of a head, without their ends.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\n', self.0)?;
        let (line, rest) = self.0.split_at(end + 1);
        self.0 = rest;
        Some(&line[..end.saturating_sub(1)])
    }
}

#[cfg(test)]
mod tests;
