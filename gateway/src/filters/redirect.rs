//! `permanent-redirect`, `temporal-redirect`: every request of the route is sent elsewhere, to one place whatever it asks for.

use crate::answer::Answer;
use crate::location::{self, Style};
use crate::proxy::{Context, PublicPorts};
use crate::reason::Reason;
use crate::table::CompiledRoute;
use http::HeaderValue;
use ingora_config::policy;

/// cert-manager puts its path into the user's own Ingress (`http01-edit-in-place`), beside the redirect of the rest: a
/// challenge that is sent elsewhere proves nothing.
const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// The redirect of a route.
#[derive(Debug)]
pub(super) struct Redirect {
    status: u16,
    /// As written.
    location: HeaderValue,
    /// A path, to which nginx adds scheme and host.
    path: bool,
}

impl Redirect {
    /// For a rule with this path; `None` when it does not redirect.
    ///
    /// # Errors
    /// When the location is not a header value, which translation lets none pass.
    pub(super) fn compile(
        redirect: &policy::Redirect,
        rule: &str,
    ) -> Result<Option<Self>, http::header::InvalidHeaderValue> {
        if rule.starts_with(CHALLENGES) {
            return Ok(None);
        }
        let location = HeaderValue::try_from(&redirect.location)?;
        Ok(Some(Self { status: redirect.code, location, path: redirect.location.starts_with('/') }))
    }

    /// The answer to a request.
    pub(super) fn answer(&self, ports: &PublicPorts, route: &CompiledRoute, ctx: &Context) -> Answer {
        let location = if self.path {
            location::here(Style::of(route, ctx), ports, ctx, &[self.location.as_bytes()])
        } else {
            self.location.clone()
        };
        Answer::redirect(Reason::Redirect, self.status, location)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(location: &str) -> policy::Redirect {
        policy::Redirect { code: 301, location: location.into() }
    }

    #[test]
    fn challenges_of_certificate_authorities_are_not_sent_elsewhere() {
        let away = to("https://b.test");
        for (rule, redirects) in
            [("/", true), ("/.well-known/acme-challenge", true), ("/.well-known/acme-challenge/token", false)]
        {
            assert_eq!(Redirect::compile(&away, rule).unwrap().is_some(), redirects, "{rule}");
        }
    }

    #[test]
    fn a_location_that_would_be_two_lines_is_no_redirect() {
        assert!(Redirect::compile(&to("https://b.test\r\nX-Evil: 1"), "/").is_err());
    }
}
