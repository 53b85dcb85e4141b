//! Compression of answers on their way to clients.

use crate::pattern::TextPattern;
use serde::{Deserialize, Serialize};

/// What is compressed before anybody says otherwise, besides `text/html`, which always is.
const TYPES: [&str; 17] = [
    "application/atom+xml",
    "application/javascript",
    "application/json",
    "application/rss+xml",
    "application/vnd.ms-fontobject",
    "application/x-font-ttf",
    "application/x-javascript",
    "application/x-web-app-manifest+json",
    "application/xhtml+xml",
    "application/xml",
    "font/opentype",
    "image/svg+xml",
    "image/x-icon",
    "text/css",
    "text/javascript",
    "text/plain",
    "text/x-component",
];

/// Compression of answers on their way to clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Compression {
    /// `use-gzip` and `gzip-*`.
    pub gzip: Coding,
    /// `gzip-disable`: clients whose User-Agent is like this get no gzip.
    pub gzip_disable: Option<TextPattern>,
    /// `enable-brotli` and `brotli-*`.
    pub brotli: Coding,
}

/// One content coding.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Coding {
    /// `use-gzip`, `enable-brotli`.
    pub on: bool,
    /// `gzip-level` (1 to 9), `brotli-level` (0 to 11).
    pub level: u32,
    /// `gzip-min-length`, `brotli-min-length`: shorter answers are not worth it, in bytes; one of unknown length is.
    pub min_length: u64,
    /// `gzip-types`, `brotli-types`: media types in lower case, `*` for all; `text/html` goes without saying.
    pub types: Vec<String>,
}

impl Default for Compression {
    fn default() -> Self {
        let types = || TYPES.map(str::to_owned).to_vec();
        Self {
            gzip: Coding { on: false, level: 1, min_length: 256, types: types() },
            gzip_disable: None,
            brotli: Coding { on: false, level: 4, min_length: 20, types: types() },
        }
    }
}
