//! `enable-cors`, `cors-*`: what browsers are told of other origins (the Fetch standard), on every answer of the route.
//!
//! Origins are compared as a whole. An origin that is not listed gets none of our headers, and its OPTIONS request goes to
//! the upstream (ingress-nginx).

use crate::answer::Answer;
use crate::reason::Reason;
use http::Method;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CONTENT_LENGTH,
    CONTENT_TYPE, HeaderName, HeaderValue, InvalidHeaderValue, ORIGIN, VARY,
};
use ingora_config::policy::{self, AllowedOrigins, CorsOrigin};
use pingora::Result as ProxyResult;
use pingora::http::{RequestHeader, ResponseHeader};

/// What a route says to browsers.
#[derive(Debug)]
pub(super) struct Cors {
    origins: AllowedOrigins,
    /// What goes with an origin that is allowed.
    headers: Box<[(HeaderName, HeaderValue)]>,
    credentials: bool,
}

impl Cors {
    /// Makes the headers once.
    ///
    /// # Errors
    /// When a text is not a header value, which translation lets none pass.
    pub(super) fn compile(cors: &policy::Cors) -> Result<Self, InvalidHeaderValue> {
        let mut headers = Vec::with_capacity(5);
        if cors.allow_credentials {
            headers.push((ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")));
        }
        headers.push((ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::try_from(&cors.allow_methods)?));
        headers.push((ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::try_from(&cors.allow_headers)?));
        if let Some(expose) = &cors.expose_headers {
            headers.push((ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::try_from(expose)?));
        }
        headers.push((ACCESS_CONTROL_MAX_AGE, HeaderValue::from(cors.max_age)));
        let credentials = cors.allow_credentials;
        Ok(Self { origins: cors.origins.clone(), headers: headers.into(), credentials })
    }

    /// Answers an OPTIONS request of an allowed origin; as in ingress-nginx any such request counts as a preflight.
    ///
    /// # Errors
    /// The answer.
    pub(super) fn preflight(&self, request: &RequestHeader) -> Result<(), Answer> {
        if request.method != Method::OPTIONS || self.allowed(request).is_none() {
            return Ok(());
        }
        // The response phase adds the rest.
        let headers = vec![
            (CONTENT_TYPE, HeaderValue::from_static("text/plain charset=UTF-8")),
            (CONTENT_LENGTH, HeaderValue::from_static("0")),
        ];
        Err(Answer { headers, page: false, ..Answer::page(Reason::Preflight) })
    }

    /// Sets our headers in place of the upstream's.
    ///
    /// # Errors
    /// When a header cannot be set.
    pub(super) fn respond(&self, request: &RequestHeader, response: &mut ResponseHeader) -> ProxyResult<()> {
        // No cache keeps answers to OPTIONS (RFC 9110 section 9.3.7), and that of a preflight is ingress-nginx' own.
        if matches!(self.origins, AllowedOrigins::Listed(_)) && request.method != Method::OPTIONS {
            vary_by_origin(response)?;
        }
        let Some(origin) = self.allowed(request) else { return Ok(()) };
        if !self.credentials {
            response.remove_header(&ACCESS_CONTROL_ALLOW_CREDENTIALS);
        }
        response.insert_header(ACCESS_CONTROL_ALLOW_ORIGIN, origin)?;
        for (name, value) in &self.headers {
            response.insert_header(name, value)?;
        }
        Ok(())
    }

    /// The value of Access-Control-Allow-Origin.
    fn allowed(&self, request: &RequestHeader) -> Option<HeaderValue> {
        let AllowedOrigins::Listed(listed) = &self.origins else {
            return Some(HeaderValue::from_static("*"));
        };
        let mut asked = request.headers.get_all(ORIGIN).iter();
        let (origin, None) = (asked.next()?, asked.next()) else { return None };
        listed.iter().any(|allowed| is(allowed, origin.as_bytes())).then(|| origin.clone())
    }
}

/// Whether an origin is the allowed one, as a whole and without regard to case.
fn is(allowed: &CorsOrigin, origin: &[u8]) -> bool {
    match allowed {
        CorsOrigin::Exact(text) => origin.eq_ignore_ascii_case(text.as_bytes()),
        CorsOrigin::Wildcard { scheme, suffix } => {
            let (scheme, suffix) = (scheme.as_bytes(), suffix.as_bytes());
            let Some(rest) = origin.len().checked_sub(suffix.len()) else { return false };
            rest > scheme.len()
                && origin[..scheme.len()].eq_ignore_ascii_case(scheme)
                && origin[rest..].eq_ignore_ascii_case(suffix)
                && origin[scheme.len()..rest].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        }
    }
}

/// The answer differs with the origin that asks: a cache that does not know would give one origin's answer to another.
fn vary_by_origin(response: &mut ResponseHeader) -> ProxyResult<()> {
    let names = response.headers.get_all(VARY).iter().filter_map(|value| value.to_str().ok());
    let said = names
        .flat_map(|value| value.split(','))
        .any(|name| name.trim() == "*" || name.trim().eq_ignore_ascii_case("origin"));
    if said {
        return Ok(());
    }
    response.append_header(VARY, HeaderValue::from_static("Origin")).map(drop)
}

#[cfg(test)]
mod tests;
