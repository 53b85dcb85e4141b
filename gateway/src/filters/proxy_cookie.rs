//! `proxy-cookie-domain`, `proxy-cookie-path`: the attributes of an upstream's cookies (RFC 6265 section 4.1), as clients
//! should see them.

use super::replacement::Compiled;
use crate::template::Scope;
use http::header::{HeaderValue, SET_COOKIE};
use ingora_config::policy::{self, Replacing};
use pingora::Result;
use pingora::http::ResponseHeader;

/// What is replaced; where an attribute is `None`, the settings say it, and where it is `Some(None)`, nothing is.
#[derive(Debug, Default)]
pub struct ProxyCookie {
    domain: Option<Option<Compiled>>,
    path: Option<Option<Compiled>>,
}

impl ProxyCookie {
    /// Prepares what an Ingress or the settings say.
    pub fn compile(cookie: &policy::ProxyCookie) -> Self {
        let one = |replacing: &Option<Replacing>| {
            let replacing = replacing.as_ref()?;
            Some(replacing.replacement().and_then(|replacement| Compiled::new(replacement).ok()))
        };
        Self { domain: one(&cookie.domain), path: one(&cookie.path) }
    }

    /// Rewrites the cookies of an upstream's answer; `own` is what the route says besides.
    ///
    /// # Errors
    /// When a header cannot be set.
    pub fn apply(
        defaults: &Self,
        own: Option<&Self>,
        response: &mut ResponseHeader,
        scope: Scope<'_>,
    ) -> Result<()> {
        let domain = own.and_then(|own| own.domain.as_ref()).or(defaults.domain.as_ref());
        let path = own.and_then(|own| own.path.as_ref()).or(defaults.path.as_ref());
        let (domain, path) = (domain.and_then(Option::as_ref), path.and_then(Option::as_ref));
        if (domain.is_none() && path.is_none()) || !response.headers.contains_key(SET_COOKIE) {
            return Ok(());
        }
        let cookies: Vec<HeaderValue> = response.headers.get_all(SET_COOKIE).iter().cloned().collect();
        response.remove_header(&SET_COOKIE);
        for cookie in cookies {
            let new = rewrite(cookie.as_bytes(), domain, path, scope);
            let new = new.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok());
            response.append_header(SET_COOKIE, new.unwrap_or(cookie))?;
        }
        Ok(())
    }
}

/// The cookie with other attributes; `None` when it stays as it is.
fn rewrite(
    cookie: &[u8],
    domain: Option<&Compiled>,
    path: Option<&Compiled>,
    scope: Scope<'_>,
) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(cookie.len() + 32);
    let mut changed = false;
    for (index, part) in cookie.split(|byte| *byte == b';').enumerate() {
        if index > 0 {
            out.push(b';');
        }
        match attribute(part).filter(|_| index > 0) {
            Some((name, value)) => {
                let key = name.trim_ascii();
                let new = if key.eq_ignore_ascii_case(b"domain") {
                    domain.and_then(|domain| domain.domain(value, scope))
                } else if key.eq_ignore_ascii_case(b"path") {
                    path.and_then(|path| path.start(value, scope))
                } else {
                    None
                };
                out.extend_from_slice(name);
                out.push(b'=');
                changed |= new.is_some();
                put(&mut out, new.as_deref().unwrap_or(value));
            }
            None => out.extend_from_slice(part),
        }
    }
    changed.then_some(out)
}

fn attribute(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b'=', part)?;
    Some((&part[..at], part[at + 1..].trim_ascii()))
}

/// What a variable brings must not become another attribute or header.
fn put(out: &mut Vec<u8>, value: &[u8]) {
    for byte in value {
        match byte {
            b';' => out.extend_from_slice(b"%3B"),
            byte if byte.is_ascii_control() => {}
            byte => out.push(*byte),
        }
    }
}
