//! What a service said, as far as it counts.

use super::{ExternalAuth, joined};
use http::StatusCode;
use http::header::{CACHE_CONTROL, EXPIRES, HeaderMap, HeaderValue, SET_COOKIE, VARY, WWW_AUTHENTICATE};
use std::time::Duration;

/// The largest head of an answer, in bytes. Its headers go to the upstream and to the client.
const MAX_HEAD: usize = 64 * 1024;
/// The largest verdict that is kept for others, in bytes.
const MAX_KEPT: usize = 4 * 1024;

/// The answer to a question.
#[derive(Debug)]
pub struct Verdict {
    /// What it came to.
    pub status: StatusCode,
    /// For the upstream, in the order of the route's `auth-response-headers`; `None` is a header that is missing.
    pub headers: Box<[Option<HeaderValue>]>,
    /// `WWW-Authenticate`.
    pub challenge: Option<HeaderValue>,
    /// `Set-Cookie`, for the client.
    pub cookies: Box<[HeaderValue]>,
    /// Whether the client gets the cookies with every status.
    pub always_set_cookie: bool,
    /// What the service says about keeping it.
    pub keep: Keep,
}

/// How long an answer may hold for other requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// As long as the route says.
    Default,
    /// This long (`Cache-Control: max-age`).
    For(Duration),
    /// Not at all.
    Never,
}

/// The head is larger than any honest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

impl Verdict {
    /// Reads what counts.
    pub(super) fn read(
        auth: &ExternalAuth,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<Self, TooLarge> {
        let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if size > MAX_HEAD {
            return Err(TooLarge);
        }
        let named = auth.response_headers.iter().map(|name| joined(headers, name)).collect();
        let mut verdict = Self {
            status,
            headers: named,
            challenge: joined(headers, &WWW_AUTHENTICATE).filter(|_| status == StatusCode::UNAUTHORIZED),
            cookies: headers.get_all(SET_COOKIE).iter().cloned().collect(),
            always_set_cookie: auth.auth.always_set_cookie,
            keep: keep(headers),
        };
        if verdict.size() > MAX_KEPT {
            verdict.keep = Keep::Never;
        }
        Ok(verdict)
    }

    fn size(&self) -> usize {
        let values = self.headers.iter().flatten().chain(&self.challenge);
        values.map(HeaderValue::len).sum()
    }
}

/// As nginx' cache reads it: an answer for one client, or one that varies, is not for others.
fn keep(headers: &HeaderMap) -> Keep {
    if headers.contains_key(SET_COOKIE) || headers.contains_key(VARY) {
        return Keep::Never;
    }
    let Some(control) = joined(headers, &CACHE_CONTROL) else {
        return if headers.contains_key(EXPIRES) { Keep::Never } else { Keep::Default };
    };
    let Ok(control) = control.to_str() else { return Keep::Never };
    let mut keep = Keep::Default;
    for directive in control.split(',').map(|item| item.trim().to_ascii_lowercase()) {
        let (name, value) = directive.split_once('=').unwrap_or((&directive, ""));
        match name {
            "no-cache" | "no-store" | "private" => return Keep::Never,
            "max-age" if keep == Keep::Default => keep = seconds(value),
            "s-maxage" => keep = seconds(value),
            _ => {}
        }
    }
    keep
}

fn seconds(text: &str) -> Keep {
    match text.trim_matches('"').parse::<u32>() {
        Ok(0) | Err(_) => Keep::Never,
        Ok(seconds) => Keep::For(Duration::from_secs(seconds.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap())
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn what_is_for_one_client_is_not_kept_for_others() {
        let minute = Keep::For(Duration::from_secs(60));
        for (lines, want) in [
            (vec![], Keep::Default),
            (vec![("set-cookie", "a=b")], Keep::Never),
            (vec![("vary", "Cookie")], Keep::Never),
            (vec![("cache-control", "No-Store")], Keep::Never),
            (vec![("cache-control", "max-age=60, private")], Keep::Never),
            (vec![("cache-control", "max-age=0")], Keep::Never),
            (vec![("cache-control", "max-age=soon")], Keep::Never),
            (vec![("cache-control", "public, max-age=60")], minute),
            (vec![("cache-control", "max-age=5"), ("cache-control", "s-maxage=60")], minute),
            (vec![("expires", "0")], Keep::Never),
            (vec![("expires", "0"), ("cache-control", "max-age=60")], minute),
        ] {
            assert_eq!(keep(&headers(&lines)), want, "{lines:?}");
        }
    }
}
