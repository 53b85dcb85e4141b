//! `rewrite-target` and `x-forwarded-prefix`: the upstream sees another path. The original query stays.

use crate::answer::Answer;
use crate::proxy::Context;
use crate::reason::Reason;
use crate::request_path;
use crate::table::CompiledRoute;
use crate::template::{Scope, TooLong, header_value, split};
use http::header::HeaderName;
use ingora_config::policy;
use pingora::http::RequestHeader;
use pingora::{Error, ErrorType, Result};

const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// The rewriting of one route.
#[derive(Debug)]
pub(super) struct Rewrite(policy::Rewrite);

impl Rewrite {
    /// `None` where nothing is rewritten.
    pub(super) fn compile(policy: &policy::Rewrite, path: &str) -> Option<Self> {
        policy.applies_to(path).then(|| Self(policy.clone()))
    }

    /// Whether the client is sent to the target.
    pub(super) fn redirects(&self) -> bool {
        self.0.redirects()
    }

    /// Sends the client to a target that names a scheme, as nginx does.
    pub(super) fn redirect(&self, route: &CompiledRoute, request: &RequestHeader, ctx: &Context) -> Answer {
        let Ok((target, _)) = self.render(route, request, ctx) else {
            return Answer::page(Reason::UriTooLong);
        };
        let query = split(request.raw_path()).1;
        let separator: &[u8] = if query.is_empty() { b"" } else { b"?" };
        let location = header_value(&[target.as_slice(), separator, query].concat());
        Answer::redirect(Reason::Redirect, 302, location)
    }

    /// Changes the path, and says which part of it is gone.
    pub(super) fn apply(
        &self,
        route: &CompiledRoute,
        request: &mut RequestHeader,
        ctx: &Context,
    ) -> Result<()> {
        let (target, prefix) = self.render(route, request, ctx).map_err(|_| too_long())?;
        let mut raw = request_path::escape(&target).into_bytes();
        let query = split(request.raw_path()).1;
        if !query.is_empty() {
            raw.push(b'?');
            raw.extend_from_slice(query);
        }
        match prefix {
            // As in nginx, an empty header is none, and the client's own goes all the same.
            Some(prefix) if prefix.is_empty() => drop(request.remove_header(&X_FORWARDED_PREFIX)),
            Some(prefix) => request.insert_header(X_FORWARDED_PREFIX, header_value(&prefix))?,
            None => {}
        }
        request.set_raw_path(&raw)
    }

    /// The new path and the value of X-Forwarded-Prefix, neither escaped.
    fn render(
        &self,
        route: &CompiledRoute,
        request: &RequestHeader,
        ctx: &Context,
    ) -> Result<(Vec<u8>, Option<Vec<u8>>), TooLong> {
        let raw = std::str::from_utf8(split(request.raw_path()).0).unwrap_or("/");
        // The request was refused already if it had no normal path.
        let path = request_path::normalise(raw).unwrap_or_default();
        let path = request_path::bytes(&path);
        let groups = route.pattern().groups(&path);
        let scope = Scope { request, ctx, route, groups: Some(&groups) };
        let prefix = self.0.forwarded_prefix.as_ref().map(|prefix| scope.render(prefix)).transpose()?;
        Ok((scope.render(&self.0.target)?, prefix))
    }
}

fn too_long() -> Box<Error> {
    Error::explain(ErrorType::InvalidHTTPHeader, "a template became too long")
}
