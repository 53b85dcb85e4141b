//! The JSON that tells a client what arrived: the default body of the echo backend.

use hyper::http::request::Parts;
use serde::Serialize;
use std::net::SocketAddr;

/// The longest request body that is shown, bytes; longer ones are only counted.
pub(super) const SHOWN_BODY_BYTES: usize = 16 * 1024;

/// What one request looked like on arrival.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    name: &'a str,
    method: &'a str,
    /// The raw target: path and query as they came.
    path: String,
    version: String,
    /// In order of arrival, one pair per line, duplicates included. HTTP/2's `:authority` is shown as `host` when
    /// the request had no Host line of its own.
    headers: Vec<(String, String)>,
    body_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    remote: String,
}

impl<'a> Report<'a> {
    /// Describes a request whose body is read; `kept` is its beginning.
    pub(super) fn new(
        name: &'a str,
        parts: &'a Parts,
        kept: Vec<u8>,
        body_bytes: u64,
        remote: SocketAddr,
    ) -> Self {
        let mut headers: Vec<_> = parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        if let (Some(authority), false) = (parts.uri.authority(), parts.headers.contains_key("host")) {
            headers.insert(0, ("host".to_owned(), authority.to_string()));
        }
        let whole = kept.len() as u64 == body_bytes;
        Self {
            name,
            method: parts.method.as_str(),
            path: parts.uri.path_and_query().map_or_else(|| parts.uri.to_string(), ToString::to_string),
            version: format!("{:?}", parts.version),
            headers,
            body_bytes,
            body: String::from_utf8(kept).ok().filter(|_| whole && body_bytes > 0),
            remote: remote.to_string(),
        }
    }

    /// The JSON text with a final newline, for people with curl.
    pub(super) fn into_json(self) -> Vec<u8> {
        // A struct of strings and numbers always serialises.
        let mut json = serde_json::to_vec_pretty(&self).unwrap_or_default();
        json.push(b'\n');
        json
    }
}
