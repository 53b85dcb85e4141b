//! Headers that pass, and that are made.

use crate::Template;
use crate::template::InvalidTemplate;
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
#[serde(try_from = "(String, HeaderText)", into = "(String, HeaderText)")]
pub struct HeaderLine {
    name: String,
    value: HeaderText,
}

/// The value of a header.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HeaderText {
    /// The same for every message; an empty one removes the header.
    Fixed(String),
    /// Worked out for each message.
    Template(Template),
}

/// A name that is no token (RFC 9110 section 5.1), or a value with more than visible ASCII, spaces and tabs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// The name.
    #[error("the name of a header has letters, digits and -")]
    Name,
    /// The value.
    #[error("the value of a header is visible text on one line")]
    Value,
    /// The variables in it.
    #[error("the value {0}")]
    Template(#[from] InvalidTemplate),
}

impl HeaderLine {
    /// A header; an empty value removes it. A `$` is a letter like any other.
    ///
    /// # Errors
    /// When either part cannot be part of a message.
    pub fn fixed(name: &str, value: &str) -> Result<Self, InvalidHeader> {
        Self::try_from((name.to_owned(), HeaderText::Fixed(value.to_owned())))
    }

    /// The same, with the variables of templates.
    ///
    /// # Errors
    /// When either part cannot be part of a message, or a variable is unknown.
    pub fn new(name: &str, value: &str) -> Result<Self, InvalidHeader> {
        if !has_variable(value) {
            return Self::fixed(name, value);
        }
        Self::try_from((name.to_owned(), HeaderText::Template(Template::parse(value)?)))
    }

    /// The name, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    pub fn value(&self) -> &HeaderText {
        &self.value
    }
}

/// Whether a `$` in a text starts a name.
fn has_variable(value: &str) -> bool {
    let of_name = |c: char| c == '{' || c == '_' || c.is_ascii_alphabetic();
    value.split('$').skip(1).any(|rest| rest.starts_with(of_name))
}

impl TryFrom<(String, HeaderText)> for HeaderLine {
    type Error = InvalidHeader;

    fn try_from((name, value): (String, HeaderText)) -> Result<Self, Self::Error> {
        let name = HeaderName::try_from(name).map_err(|_| InvalidHeader::Name)?;
        match &value {
            HeaderText::Fixed(text) => {
                HeaderValue::from_str(text).map_err(|_| InvalidHeader::Value)?;
            }
            HeaderText::Template(template) if template.has_groups() => {
                return Err(InvalidHeader::Template(InvalidTemplate::Nameless));
            }
            HeaderText::Template(_) => {}
        }
        Ok(Self { name: name.as_str().to_owned(), value })
    }
}

impl From<HeaderLine> for (String, HeaderText) {
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
