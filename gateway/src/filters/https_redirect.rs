//! `ssl-redirect` and its kin: clear-text requests are sent to HTTPS. Every route asks, so asking is a few flags.

use crate::answer::Answer;
use crate::location::{self, Style};
use crate::proxy::{Context, PublicPorts};
use crate::reason::Reason;
use crate::table::CompiledRoute;
use ingora_config::settings::RedirectDefaults;
use pingora::http::RequestHeader;

/// Redirects, or lets the request pass.
///
/// # Errors
/// The redirect; 400 for a request without a host, which has no place to be sent to.
pub(super) fn check(
    ports: &PublicPorts,
    route: &CompiledRoute,
    request: &RequestHeader,
    ctx: &Context,
) -> Result<(), Answer> {
    if ctx.scheme() != "http" {
        return Ok(());
    }
    let defaults = &ctx.table().settings().redirect;
    let own = &route.filters.https_redirect;
    let with_certificate = own.ssl_redirect.unwrap_or(defaults.ssl_redirect) && ctx.has_certificate;
    if !with_certificate && !own.force_ssl_redirect.unwrap_or(defaults.force_ssl_redirect) {
        return Ok(());
    }
    if exempt(route.path(), defaults) {
        return Ok(());
    }
    let preserve = own.preserve_trailing_slash.unwrap_or(defaults.preserve_trailing_slash);
    let target = target(request.raw_path(), preserve);
    let location = location::https(Style::of(route, ctx).port, ports, ctx, target);
    let location = location.ok_or_else(|| Answer::page(Reason::BadRequest))?;
    Err(Answer::redirect(Reason::HttpsRedirect, defaults.http_redirect_code, location))
}

/// `no-tls-redirect-locations`: prefixes, as text, of the path of the *rule*.
fn exempt(rule: &str, defaults: &RedirectDefaults) -> bool {
    defaults.no_tls_redirect_locations.iter().any(|prefix| !prefix.is_empty() && rule.starts_with(prefix))
}

/// Path and query as they came. As in ingress-nginx one slash at the very end goes, were it that of the query.
fn target(raw: &[u8], preserve_trailing_slash: bool) -> &[u8] {
    if preserve_trailing_slash { raw } else { raw.strip_suffix(b"/").unwrap_or(raw) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slash_at_the_end_goes_unless_it_is_preserved() {
        for (raw, without) in [("/", ""), ("/a/", "/a"), ("/a//", "/a/"), ("/a", "/a"), ("/a?b=/", "/a?b=")] {
            assert_eq!(target(raw.as_bytes(), false), without.as_bytes());
            assert_eq!(target(raw.as_bytes(), true), raw.as_bytes());
        }
    }

    #[test]
    fn the_path_of_the_rule_exempts() {
        let defaults = RedirectDefaults::default();
        assert!(exempt("/.well-known/acme-challenge/token", &defaults));
        assert!(!exempt("/", &defaults));
        assert!(!exempt("/.well-known", &defaults));
        let empty = RedirectDefaults { no_tls_redirect_locations: vec![String::new()], ..defaults };
        assert!(!exempt("/", &empty), "an empty entry is no entry");
    }
}
