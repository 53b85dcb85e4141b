//! `proxy-redirect-from`, `proxy-redirect-to`: where upstreams redirect to, as clients should see it.

use super::replacement::Compiled;
use crate::template::{Scope, header_value};
use http::header::{HeaderValue, LOCATION, REFRESH};
use ingora_config::policy::Replacing;
use pingora::Result;
use pingora::http::ResponseHeader;

/// What is replaced; nothing where it is off.
#[derive(Debug)]
pub struct ProxyRedirect(Option<Compiled>);

impl ProxyRedirect {
    /// Prepares what an Ingress or the settings say.
    pub fn compile(replacing: &Replacing) -> Self {
        Self(replacing.replacement().and_then(|replacement| Compiled::new(replacement).ok()))
    }

    /// Rewrites Location, and in Refresh what stands behind `url=`.
    ///
    /// # Errors
    /// When a header cannot be set.
    pub fn apply(&self, response: &mut ResponseHeader, scope: Scope<'_>) -> Result<()> {
        let Some(replacement) = &self.0 else { return Ok(()) };
        let location = response.headers.get(LOCATION);
        if let Some(new) = location.and_then(|value| replacement.start(value.as_bytes(), scope)) {
            response.insert_header(LOCATION, header_value(&new))?;
        }
        let refresh = response.headers.get(REFRESH).map(HeaderValue::as_bytes);
        let Some((seconds, url)) = refresh.and_then(split) else { return Ok(()) };
        if let Some(new) = replacement.start(url, scope) {
            let text = [seconds, header_value(&new).as_bytes()].concat();
            if let Ok(value) = HeaderValue::from_bytes(&text) {
                response.insert_header(REFRESH, value)?;
            }
        }
        Ok(())
    }
}

/// A Refresh: everything up to `url=`, whatever its case, and the URL.
fn split(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = value.windows(4).position(|window| window.eq_ignore_ascii_case(b"url="))?;
    Some(value.split_at(at + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_is_seconds_and_a_url() {
        assert_eq!(split(b"5; URL=http://a/"), Some((b"5; URL=".as_slice(), b"http://a/".as_slice())));
        assert_eq!(split(b"5"), None);
        assert_eq!(split(b"5;url="), Some((b"5;url=".as_slice(), b"".as_slice())));
    }
}
