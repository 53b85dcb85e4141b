//! The request to the service: the client's head without its body, and what the gateway knows of it.
//!
//! The headers are those of ingress-nginx' internal location. What a client says on behalf of a proxy (`X-Forwarded-*`,
//! `X-Original-*`, `Forwarded`) stays behind: services decide by it.

use super::ExternalAuth;
use crate::answer::Answer;
use crate::auth_tls;
use crate::client_address::X_FORWARDED_HOST;
use crate::filters;
use crate::proxy::{Context, upstream_request};
use crate::reason::Reason;
use crate::request_path;
use crate::table::{CompiledRoute, Found, RouteTable};
use crate::template::{Scope, header_value, written_host};
use crate::upstream::Group;
use http::header::{CONNECTION, HOST, HeaderName, HeaderValue};
use ingora_config::policy::AuthService;
use pingora::Result;
use pingora::http::RequestHeader;
use std::sync::Arc;

const X_AUTH_REQUEST_REDIRECT: HeaderName = HeaderName::from_static("x-auth-request-redirect");
const X_ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const X_ORIGINAL_URI: HeaderName = HeaderName::from_static("x-original-uri");
const X_ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_SCHEME: HeaderName = HeaderName::from_static("x-scheme");
const X_SENT_FROM: HeaderName = HeaderName::from_static("x-sent-from");

/// The name ingress-nginx gives here; services look for it.
const SENT_FROM: HeaderValue = HeaderValue::from_static("nginx-ingress-controller");

/// What concerns the connection, the body, or is said by the gateway alone.
const DROPPED: [&str; 17] = [
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-auth-request-redirect",
    "x-real-ip",
    "x-scheme",
    "x-sent-from",
];
/// The same, by how names begin.
const DROPPED_PREFIXES: [&str; 3] = ["x-forwarded-", "x-original-", "ssl-client-"];

/// A request, and who gets it.
#[derive(Debug)]
pub(super) struct Question {
    /// Whole.
    pub(super) head: RequestHeader,
    /// Whose endpoints are asked.
    pub(super) group: Arc<Group>,
    /// The server name, where TLS is spoken whatever the group speaks; `None` is as the group speaks.
    pub(super) service: Option<(String, bool)>,
}

impl ExternalAuth {
    /// Makes the question about a request.
    ///
    /// # Errors
    /// The answer when it cannot be asked.
    pub(super) fn question(
        &self,
        request: &RequestHeader,
        route: &CompiledRoute,
        table: &RouteTable,
        ctx: &Context,
    ) -> Result<Question, Answer> {
        let failed = |_| Answer::page(Reason::ExternalAuthFailed);
        let scope = Scope { request, ctx, route, groups: None };
        let target = scope.render(&self.auth.target).map_err(|_| Answer::page(Reason::UriTooLong))?;
        let target = one_target(&target);
        let (group, service, host, through) = match &self.auth.service {
            AuthService::Upstream { host, tls, .. } => {
                let group = self.group.clone().ok_or_else(|| Answer::page(Reason::ExternalAuthFailed))?;
                (group, Some((host.clone(), *tls)), host.as_str(), None)
            }
            AuthService::ClientHost => {
                let through =
                    here(&target, table, ctx).ok_or_else(|| Answer::page(Reason::ExternalAuthFailed))?;
                let group = through.group.clone().ok_or_else(|| Answer::page(Reason::ExternalAuthFailed))?;
                (group, None, ctx.host.as_str(), Some(through))
            }
        };
        let mut head = self.head(&scope, &target, host).map_err(failed)?;
        upstream_request::set_client(request, &mut head, ctx).map_err(failed)?;
        if let Some(through) = through {
            filters::upstream_phase(through, &mut head, ctx).map_err(failed)?;
        }
        self.set_own(&scope, &mut head).map_err(failed)?;
        Ok(Question { head, group, service })
    }

    fn head(&self, scope: &Scope<'_>, target: &[u8], host: &str) -> Result<RequestHeader> {
        let (request, ctx) = (scope.request, scope.ctx);
        let method = self.auth.method.map_or("GET", |method| method.as_str());
        let mut head = RequestHeader::build(method, target, Some(request.headers.len() + 12))?;
        head.insert_header(HOST, host)?;
        copy(request, &mut head, ctx)?;
        let scheme: &[u8] = if ctx.tls { b"https://" } else { b"http://" };
        let url = [scheme, written_host(request), request.raw_path()].concat();
        let raw = header_value(request.raw_path());
        head.insert_header(X_ORIGINAL_URL, header_value(&url))?;
        head.insert_header(X_ORIGINAL_METHOD, request.method.as_str())?;
        head.insert_header(X_SENT_FROM, SENT_FROM)?;
        auth_tls::set_headers(&mut head, ctx)?;
        match &self.auth.request_redirect {
            Some(redirect) => head.insert_header(X_AUTH_REQUEST_REDIRECT, redirect)?,
            None => head.insert_header(X_AUTH_REQUEST_REDIRECT, raw.clone())?,
        }
        if !ctx.request_id.is_empty() {
            head.insert_header(X_REQUEST_ID, &ctx.request_id)?;
        }
        if let Some(host) = &ctx.forwarded.host {
            head.insert_header(X_FORWARDED_HOST, host.clone())?;
        }
        if self.auth.method.is_some() {
            head.insert_header(X_ORIGINAL_URI, raw)?;
            head.insert_header(X_SCHEME, ctx.scheme())?;
        }
        if self.auth.keepalive_timeout == 0 {
            head.insert_header(CONNECTION, HeaderValue::from_static("close"))?;
        }
        Ok(head)
    }

    /// `auth-proxy-set-headers`.
    fn set_own(&self, scope: &Scope<'_>, head: &mut RequestHeader) -> Result<()> {
        for (name, value) in &self.set_headers {
            match scope.render(value) {
                Ok(value) if !value.is_empty() => head.insert_header(name, text(&value))?,
                _ => drop(head.remove_header(name)),
            }
        }
        Ok(())
    }
}

/// Who serves a target on the host that the client asked for. A route that asks somebody itself answers nobody: its
/// upstream would say yes to anything.
fn here<'t>(target: &[u8], table: &'t RouteTable, ctx: &Context) -> Option<&'t CompiledRoute> {
    let raw = std::str::from_utf8(target).ok()?;
    let path = request_path::normalise(raw.split('?').next()?).ok()?;
    match table.find(&ctx.host, &path) {
        Found::Route(route) if matches!(super::in_effect(route, table), Ok(None)) => Some(route),
        _ => None,
    }
}

/// The client's own headers.
fn copy(request: &RequestHeader, head: &mut RequestHeader, ctx: &Context) -> Result<()> {
    let client = &ctx.table().settings().client;
    let nominated = upstream_request::nominated(request);
    for (name, value) in &request.headers {
        let text = name.as_str();
        let dropped = DROPPED.contains(&text)
            || DROPPED_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
            || nominated.iter().any(|nominated| nominated == text)
            || (client.ignore_invalid_headers
                && !upstream_request::is_valid(name, client.enable_underscores_in_headers));
        if !dropped {
            head.append_header(name, value)?;
        }
    }
    Ok(())
}

/// Whatever a variable stood for, it stays one target in one request line.
fn one_target(rendered: &[u8]) -> Vec<u8> {
    let visible = header_value(rendered);
    let mut target = Vec::with_capacity(visible.len());
    for byte in visible.as_bytes() {
        match byte {
            b'#' => target.extend_from_slice(b"%23"),
            byte => target.push(*byte),
        }
    }
    target
}

/// A value with spaces as they are.
fn text(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(bytes).unwrap_or_else(|_| header_value(bytes))
}
