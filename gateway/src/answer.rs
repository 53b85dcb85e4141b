//! An answer the gateway gives itself: why, with which status, headers and body.

use crate::page;
use crate::reason::Reason;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use pingora::Result;
use pingora::http::ResponseHeader;

/// What a client gets instead of a proxied answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Why: the log field and the metric's label.
    pub reason: Reason,
    /// The status; that of the reason unless a setting says otherwise.
    pub status: u16,
    /// Headers besides those every answer has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether there is a page; without one the body is empty.
    pub page: bool,
    /// Whether the connection ends: what follows the header cannot be trusted to be a request.
    pub close: bool,
}

impl Answer {
    /// The page of a reason; the connection lives on when there was no body.
    pub fn page(reason: Reason) -> Self {
        Self { reason, status: reason.status(), headers: Vec::new(), page: true, close: false }
    }

    /// The page of a reason, and the end of the connection.
    pub fn close(reason: Reason) -> Self {
        Self { close: true, ..Self::page(reason) }
    }

    /// A redirect.
    pub fn redirect(reason: Reason, status: u16, location: HeaderValue) -> Self {
        // 304 has no body (RFC 9110 section 15.4.5).
        Self { status, headers: vec![(LOCATION, location)], page: status != 304, ..Self::page(reason) }
    }

    /// Another status than the reason's own.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The header, without what the engine adds (Date, Connection), and the body.
    ///
    /// # Errors
    /// When the status is none, which no [`Answer`] of ours has.
    pub fn build(&self) -> Result<(ResponseHeader, Bytes)> {
        let body = if self.page { page::of(self.reason, self.status) } else { Bytes::new() };
        let mut header = ResponseHeader::build(self.status, Some(6 + self.headers.len()))?;
        if self.page {
            header.insert_header(CONTENT_TYPE, HeaderValue::from_static("text/html"))?;
        }
        for (name, value) in &self.headers {
            header.insert_header(name, value)?;
        }
        if !matches!(self.status, 204 | 304) || self.headers.iter().any(|(name, _)| name == CONTENT_LENGTH) {
            header.insert_header(CONTENT_LENGTH, body.len())?;
        }
        Ok((header, body))
    }
}
