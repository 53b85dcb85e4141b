//! Headers that pass, and that are made.

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

/// Headers that pass, and that are made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Headers {
    /// `generate-request-id`: give each request without an X-Request-ID one.
    pub generate_request_id: bool,
    /// `allow-backend-server-header`: let the upstream's `Server` header pass.
    pub allow_backend_server_header: bool,
    /// `server-tokens`: say `Server: ingora`.
    pub server_tokens: bool,
    /// `hide-headers`: headers of upstreams that clients do not get, in lower case.
    pub hide_headers: Vec<String>,
    /// `proxy-add-original-uri-header`: tell upstreams the target as sent, in X-Original-URI.
    pub proxy_add_original_uri_header: bool,
    /// `add-headers`: for clients, on answers of upstreams.
    pub add_headers: Vec<HeaderLine>,
    /// `proxy-set-headers`: for upstreams.
    pub proxy_set_headers: Vec<HeaderLine>,
}

/// A header that is set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(String, String)", into = "(String, String)")]
pub struct HeaderLine {
    name: String,
    value: String,
}

/// A name that is no token (RFC 9110 section 5.1), or a value with more than visible ASCII, spaces and tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// The name.
    #[error("the name of a header has letters, digits and -")]
    Name,
    /// The value.
    #[error("the value of a header is visible text on one line")]
    Value,
}

impl HeaderLine {
    /// A header; an empty value removes it.
    ///
    /// # Errors
    /// When either part cannot be part of a message.
    pub fn new(name: &str, value: &str) -> Result<Self, InvalidHeader> {
        let name = HeaderName::try_from(name).map_err(|_| InvalidHeader::Name)?;
        HeaderValue::from_str(value).map_err(|_| InvalidHeader::Value)?;
        Ok(Self { name: name.as_str().to_owned(), value: value.to_owned() })
    }

    /// The name, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value; empty where the header is removed.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl TryFrom<(String, String)> for HeaderLine {
    type Error = InvalidHeader;

    fn try_from((name, value): (String, String)) -> Result<Self, Self::Error> {
        Self::new(&name, &value)
    }
}

impl From<HeaderLine> for (String, String) {
    fn from(line: HeaderLine) -> Self {
        (line.name, line.value)
    }
}

impl Default for Headers {
    fn default() -> Self {
        Self {
            generate_request_id: true,
            allow_backend_server_header: false,
            server_tokens: false,
            hide_headers: Vec::new(),
            proxy_add_original_uri_header: false,
            add_headers: Vec::new(),
            proxy_set_headers: Vec::new(),
        }
    }
}
