//! `affinity: cookie`, `session-cookie-*`: the cookie that keeps a client with its endpoint.
//!
//! What stands in it is explained in [`crate::upstream::session`]; here it is read and written. It is written where an
//! upstream answered, whatever the status, and only when the client has no valid one.

mod same_site;

use crate::proxy::Context;
use crate::table::CompiledRoute;
use crate::upstream::session::{self, Tag};
use http::HeaderMap;
use http::header::{COOKIE, HeaderValue, SET_COOKIE, USER_AGENT};
use ingora_config::policy::{self, AffinityMode, SessionCookie};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::{Error, ErrorType, Result};
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

/// The sessions of one route.
#[derive(Debug)]
pub struct Affinity {
    /// How places are read.
    pub mode: AffinityMode,
    /// Whether a failure may move a client.
    pub change_on_failure: bool,
    name: Box<str>,
    expires: Option<i64>,
    /// The attributes that are always the same.
    fixed: Box<str>,
    secure: bool,
    same_site: Option<Box<str>>,
    /// Some browsers are not told the latter.
    conditional: bool,
}

/// Where a client's cookie says that it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// To the route's own group.
    Primary,
    /// To the canary at this place.
    Canary(usize),
}

impl Affinity {
    /// Puts together what does not change with the request. `path` is that of the route.
    pub(super) fn compile(policy: &policy::Affinity, path: &str) -> Self {
        let SessionCookie { name, secure, path: own, domain, same_site, max_age, expires, .. } =
            &policy.cookie;
        let mut fixed = String::new();
        let write = |fixed: &mut String, name: &str, value: &str| _ = write!(fixed, "; {name}={value}");
        if let Some(seconds) = max_age {
            write(&mut fixed, "Max-Age", &seconds.to_string());
        }
        if let Some(domain) = domain {
            write(&mut fixed, "Domain", domain);
        }
        write(&mut fixed, "Path", &own.clone().unwrap_or_else(|| cookie_path(path)));
        Self {
            mode: policy.mode,
            change_on_failure: policy.change_on_failure,
            name: name.as_str().into(),
            expires: *expires,
            fixed: fixed.into(),
            secure: *secure,
            same_site: same_site.as_deref().map(Into::into),
            conditional: policy.cookie.conditional_same_site_none && same_site.as_deref() == Some("None"),
        }
    }

    /// The client's place in the group of this tag.
    pub(super) fn place(&self, headers: &HeaderMap<HeaderValue>, group: &Tag) -> Option<Tag> {
        self.cookies(headers).find_map(|(place, of)| (of == group).then_some(*place))
    }

    /// Where the client's cookie says that it belongs: to the primary, else to a canary that keeps its clients.
    pub fn side(&self, route: &CompiledRoute, headers: &HeaderMap<HeaderValue>) -> Option<Side> {
        let (primary, canaries) = (route.group.as_deref()?, route.canaries.as_deref()?);
        self.cookies(headers).find_map(|(_, of)| {
            if of == primary.tag() {
                return Some(Side::Primary);
            }
            canaries.keeping(of).map(Side::Canary)
        })
    }

    /// All cookies of the name that are ours by their form: of several paths a client may have several.
    fn cookies<'h>(&self, headers: &'h HeaderMap<HeaderValue>) -> impl Iterator<Item = (&'h Tag, &'h Tag)> {
        let lines = headers.get_all(COOKIE).iter();
        let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        pairs.filter_map(|pair| {
            let value = pair.trim_ascii().strip_prefix(self.name.as_bytes())?.strip_prefix(b"=")?;
            session::parse(value)
        })
    }

    fn write(&self, place: &Tag, group: &Tag, request: &RequestHeader, ctx: &Context) -> String {
        let mut text = String::with_capacity(128 + self.fixed.len());
        let (place, group) = (String::from_utf8_lossy(place), String::from_utf8_lossy(group));
        let _ = write!(text, "{}={place}|{group}", self.name);
        if let Some(seconds) = self.expires {
            let _ = write!(text, "; Expires={}", httpdate::fmt_http_date(from_now(seconds)));
        }
        text.push_str(&self.fixed);
        if self.secure || ctx.scheme() == "https" {
            text.push_str("; Secure");
        }
        text.push_str("; HttpOnly");
        if let Some(value) = &self.same_site {
            let agent = request.headers.get(USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
            if !self.conditional || same_site::understands_none(agent) {
                let _ = write!(text, "; SameSite={value}");
            }
        }
        text
    }
}

/// Tells the client its place, where it does not know it yet. For answers of upstreams alone.
///
/// # Errors
/// When the cookie is no header value, which translation lets none become.
pub fn tell(
    route: &CompiledRoute,
    request: &RequestHeader,
    response: &mut ResponseHeader,
    ctx: &Context,
) -> Result<()> {
    let Some(session) = ctx.session.as_ref().filter(|session| session.fresh) else { return Ok(()) };
    let (Some(affinity), Some(group), Some(place)) = (&route.filters.affinity, &ctx.group, &session.place)
    else {
        return Ok(());
    };
    let value = HeaderValue::try_from(affinity.write(place, group.tag(), request, ctx))
        .map_err(|_| Error::explain(ErrorType::InvalidHTTPHeader, "a cookie cannot be written"))?;
    response.append_header(SET_COOKIE, value).map(drop)
}

/// The time so many seconds from now; nothing before 1970, which no HTTP date is.
fn from_now(seconds: i64) -> SystemTime {
    let (now, by) = (SystemTime::now(), Duration::from_secs(seconds.unsigned_abs()));
    let then = if seconds < 0 { now.checked_sub(by) } else { now.checked_add(by) };
    then.unwrap_or(now).max(SystemTime::UNIX_EPOCH)
}

/// The path of a rule as the path of a cookie. Of a regular expression, and of what ends an attribute, only the folders
/// before it count.
fn cookie_path(path: &str) -> String {
    let special = |c: char| "^$()[]{}*+?|\\;".contains(c) || c.is_ascii_control();
    let plain = match path.find(special) {
        Some(at) => &path[..path[..at].rfind('/').map_or(0, |slash| slash + 1)],
        None => path,
    };
    let mut text = String::with_capacity(plain.len());
    for byte in plain.bytes() {
        match byte {
            0x21..=0x7E => text.push(char::from(byte)),
            _ => _ = write!(text, "%{byte:02X}"),
        }
    }
    if text.is_empty() { "/".to_owned() } else { text }
}

#[cfg(test)]
mod tests;
