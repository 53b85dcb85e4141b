//! What a request asks the echo backend to do, read from its query. Every number has a bound.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use std::time::Duration;

const MAX_SIZE: u64 = 4 << 30;
const MAX_CHUNKS: u64 = 1_000_000;
const MAX_DELAY_MS: u64 = 600_000;
const MAX_FIELDS: usize = 100;

/// The wishes of one request; the default is the plain JSON answer at once.
#[derive(Debug)]
pub(super) struct Wishes {
    pub(super) status: StatusCode,
    pub(super) size: Option<u64>,
    pub(super) chunks: u64,
    pub(super) chunk_delay: Duration,
    pub(super) delay: Duration,
    pub(super) headers: HeaderMap,
    pub(super) trailers: HeaderMap,
    pub(super) mirror: bool,
    pub(super) close: bool,
    pub(super) reset: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            status: StatusCode::OK,
            size: None,
            chunks: 0,
            chunk_delay: Duration::ZERO,
            delay: Duration::ZERO,
            headers: HeaderMap::new(),
            trailers: HeaderMap::new(),
            mirror: false,
            close: false,
            reset: false,
        }
    }
}

impl Wishes {
    /// Reads a query. Unknown parameters are none of ours: tests send arbitrary queries.
    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let mut wishes = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value);
            let number = |max| number(name, &value, max);
            match name {
                "status" => wishes.status = status(&value)?,
                "size" => wishes.size = Some(number(MAX_SIZE)?),
                "chunks" => wishes.chunks = number(MAX_CHUNKS)?,
                "chunk_delay_ms" => wishes.chunk_delay = Duration::from_millis(number(MAX_DELAY_MS)?),
                "delay_ms" => wishes.delay = Duration::from_millis(number(MAX_DELAY_MS)?),
                "header" => add(&mut wishes.headers, name, &value)?,
                "trailer" => add(&mut wishes.trailers, name, &value)?,
                "mirror" => wishes.mirror = value == "1",
                "close" => wishes.close = value == "1",
                "reset" => wishes.reset = value == "1",
                _ => {}
            }
        }
        Ok(wishes)
    }

    /// The answer to a wish that cannot be read.
    pub(super) fn refusal(sentence: String) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(sentence + "\n")));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response
    }
}

fn number(name: &str, value: &str, max: u64) -> Result<u64, String> {
    match value.parse::<u64>() {
        Ok(number) if number <= max => Ok(number),
        _ => Err(format!("ingora-echo: {name} must be a number up to {max}")),
    }
}

fn status(value: &str) -> Result<StatusCode, String> {
    let code = value.parse::<u16>().ok().filter(|code| (200..600).contains(code));
    code.and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or_else(|| "ingora-echo: status must be a number from 200 to 599".to_owned())
}

fn add(map: &mut HeaderMap, what: &str, field: &str) -> Result<(), String> {
    let (name, value) =
        field.split_once(':').ok_or_else(|| format!("ingora-echo: {what} must be name:value"))?;
    let name = HeaderName::from_bytes(name.as_bytes());
    let value = HeaderValue::from_str(value.trim());
    match (name, value) {
        (Ok(name), Ok(value)) if map.len() < MAX_FIELDS => {
            map.append(name, value);
            Ok(())
        }
        _ => Err(format!("ingora-echo: {what} must be a valid field, at most {MAX_FIELDS} of them")),
    }
}

/// Percent-decoding as in a query: `%41` and `+`; what is no escape stays as it is.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let value = escape.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], value) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_becomes_wishes() {
        let wishes =
            Wishes::parse("status=503&size=10&header=X-A:1%2C2&header=X-A:3&trailer=t:v&x=y").unwrap();
        assert_eq!(wishes.status, 503);
        assert_eq!(wishes.size, Some(10));
        assert_eq!(wishes.headers.get_all("x-a").iter().collect::<Vec<_>>(), ["1,2", "3"]);
        assert_eq!(wishes.trailers["t"], "v");
    }

    #[test]
    fn a_wish_out_of_bounds_is_refused_with_a_sentence() {
        for query in
            ["status=99", "status=100", "size=-1", "chunks=99999999999", "header=novalue", "header=a b:c"]
        {
            let sentence = Wishes::parse(query).unwrap_err();
            assert!(sentence.starts_with("ingora-echo: "), "{query}: {sentence}");
        }
    }

    #[test]
    fn broken_escapes_stay_as_they_are() {
        assert_eq!(decode("a%2Fb+c%zz%4"), "a/b c%zz%4");
    }
}
