//! `use-gzip`, `enable-brotli`: answers are compressed on their way to clients that want it (RFC 9110 section 8.4).
//!
//! ```text
//!   header of an answer ──begin──▶ nothing to do, or Compressor ──▶ each piece of the body, flushed: streams do not stall
//! ```
//!
//! What can be compressed is decided as in nginx: status 200, 403 or 404, a listed media type, not too short, not encoded
//! already. Who wants it is in `accept`, the work itself in `encoder`.

mod accept;
mod encoder;

pub use encoder::Compressor;

use accept::Accepted;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue,
    TRANSFER_ENCODING, USER_AGENT, VARY,
};
use http::{Method, Version};
use ingora_config::settings::{self, Coding};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use regex::bytes::Regex;

/// What is computed over the bytes of a body; an answer with one of these stays as it is.
const DIGESTS: [&str; 4] = ["content-digest", "content-md5", "digest", "repr-digest"];

/// What is compressed, and how.
#[derive(Debug)]
pub struct Compression {
    gzip: Option<Coding>,
    brotli: Option<Coding>,
    gzip_disable: Option<Regex>,
}

impl Compression {
    /// `None` when all of it is off.
    pub fn compile(settings: &settings::Compression) -> Option<Self> {
        let on = |coding: &Coding| coding.on.then(|| coding.clone());
        let (gzip, brotli) = (on(&settings.gzip), on(&settings.brotli));
        if gzip.is_none() && brotli.is_none() {
            return None;
        }
        let gzip_disable = settings.gzip_disable.as_ref().and_then(|pattern| pattern.compile().ok());
        Some(Self { gzip, brotli, gzip_disable })
    }

    /// Looks at an answer, and changes its header when its body will be compressed.
    ///
    /// # Errors
    /// When a header cannot be set.
    pub fn begin(
        &self,
        request: &RequestHeader,
        response: &mut ResponseHeader,
    ) -> Result<Option<Compressor>> {
        if !may_be_transformed(response) {
            return Ok(None);
        }
        let length = response.headers.get(CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let gzip = self.gzip.as_ref().filter(|coding| takes(coding, response, length));
        let brotli = self.brotli.as_ref().filter(|coding| takes(coding, response, length));
        if gzip.is_none() && brotli.is_none() {
            return Ok(None);
        }
        // Whoever asks: a cache must know that another client may get another body.
        vary(response)?;
        // HTTP/1.0 knows no chunks, and the answer to HEAD no body.
        if request.version == Version::HTTP_10 || request.method == Method::HEAD {
            return Ok(None);
        }
        let gzip = gzip.filter(|_| !self.is_disabled_for(request));
        let compressor = match accept::best(&request.headers, gzip.is_some(), brotli.is_some()) {
            Some(Accepted::Gzip) => gzip.and_then(|coding| Compressor::gzip(coding.level)),
            Some(Accepted::Brotli) => brotli.and_then(|coding| Compressor::brotli(coding.level, length)),
            None => None,
        };
        if let Some(compressor) = &compressor {
            announce(compressor.name(), request, response)?;
        }
        Ok(compressor)
    }

    fn is_disabled_for(&self, request: &RequestHeader) -> bool {
        let agent = request.headers.get(USER_AGENT).map_or(b"".as_slice(), HeaderValue::as_bytes);
        self.gzip_disable.as_ref().is_some_and(|pattern| pattern.is_match(agent))
    }
}

fn may_be_transformed(response: &ResponseHeader) -> bool {
    let headers = &response.headers;
    // RFC 9110 section 7.7.
    let kept = headers.get_all(CACHE_CONTROL).iter().any(|value| has_word(value, b"no-transform"));
    matches!(response.status.as_u16(), 200 | 403 | 404)
        && !headers.contains_key(CONTENT_ENCODING)
        && !kept
        && !DIGESTS.iter().any(|name| headers.contains_key(*name))
}

fn takes(coding: &Coding, response: &ResponseHeader, length: Option<u64>) -> bool {
    // Of nothing nothing is made, not even the empty form of a coding.
    if length.is_some_and(|length| length == 0 || length < coding.min_length) {
        return false;
    }
    let Some(media) = response.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) else { return false };
    let media = media.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    media.eq_ignore_ascii_case(b"text/html")
        || coding.types.iter().any(|known| known == "*" || media.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether a list has a word, whatever its case.
fn has_word(list: &HeaderValue, word: &[u8]) -> bool {
    list.as_bytes().split(|byte| *byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(word))
}

fn vary(response: &mut ResponseHeader) -> Result<()> {
    let said = |value: &HeaderValue| has_word(value, b"accept-encoding") || has_word(value, b"*");
    if response.headers.get_all(VARY).iter().any(said) {
        return Ok(());
    }
    response.append_header(VARY, HeaderValue::from_static("Accept-Encoding")).map(drop)
}

/// What the header says of another body than the upstream's.
fn announce(coding: &'static str, request: &RequestHeader, response: &mut ResponseHeader) -> Result<()> {
    response.insert_header(CONTENT_ENCODING, HeaderValue::from_static(coding))?;
    response.remove_header(&CONTENT_LENGTH);
    // Ranges are of the upstream's bytes.
    response.remove_header(&ACCEPT_RANGES);
    if request.version == Version::HTTP_11 {
        response.insert_header(TRANSFER_ENCODING, HeaderValue::from_static("chunked"))?;
    }
    // The same resource in other bytes: equal only in the weak sense (RFC 9110 section 8.8.3).
    let etag = response.headers.get(ETAG).filter(|etag| etag.as_bytes().starts_with(b"\""));
    if let Some(weak) = etag.and_then(|etag| HeaderValue::from_bytes(&[b"W/", etag.as_bytes()].concat()).ok())
    {
        response.insert_header(ETAG, weak)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
