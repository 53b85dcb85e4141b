//! `custom-http-errors`, `default-backend`: another backend answers instead of an error.
//!
//! ```text
//!   an error of an upstream, or of the gateway ──begin──▶ Detour{Page} ──▶ GET / with X-Code … of the error backend ──▶ client
//!   a Service without endpoints ─────────spare──▶ Detour{Spare} ──▶ the request itself, with X-Code: 503 … ──▶ client
//! ```
//!
//! A detour is taken once: when it fails as well, the gateway's own page tells the client what the detour should have
//! explained. The engine sends the request like any other; [`crate::proxy`] only exchanges the group.

use super::external_auth;
use crate::proxy::{Context, upstream_request};
use crate::reason::Reason;
use crate::table::{CompiledRoute, RouteTable};
use crate::template::written_host;
use crate::upstream::{Group, Selection};
use http::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST,
    HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
    PROXY_AUTHORIZATION, RANGE, SET_COOKIE, TE, TRANSFER_ENCODING, UPGRADE, WWW_AUTHENTICATE,
};
use http::{HeaderMap, Method, StatusCode};
use ingora_config::{Protocol, policy};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;
use std::sync::Arc;

/// What nobody claims towards an error backend: what the gateway tells other upstreams about the client, what speaks of a
/// body that is not sent or of the resource that could not be had, and credentials, which no error page needs.
const NOT_FOR_PAGES: [HeaderName; 15] = [
    AUTHORIZATION,
    PROXY_AUTHORIZATION,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    EXPECT,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    RANGE,
    TRANSFER_ENCODING,
    UPGRADE,
];
const CLAIMS: [&str; 15] = [
    "forwarded",
    "ssl-client-cert",
    "ssl-client-issuer-dn",
    "ssl-client-subject-dn",
    "ssl-client-verify",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-original-forwarded-for",
    "x-original-forwarded-host",
    "x-real-ip",
    "x-scheme",
];

const X_CODE: HeaderName = HeaderName::from_static("x-code");
const X_FORMAT: HeaderName = HeaderName::from_static("x-format");
const X_ORIGINAL_URI: HeaderName = HeaderName::from_static("x-original-uri");
const X_NAMESPACE: HeaderName = HeaderName::from_static("x-namespace");
const X_INGRESS_NAME: HeaderName = HeaderName::from_static("x-ingress-name");
const X_SERVICE_NAME: HeaderName = HeaderName::from_static("x-service-name");
const X_SERVICE_PORT: HeaderName = HeaderName::from_static("x-service-port");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What the annotations of a route say.
#[derive(Debug)]
pub struct ErrorPages {
    statuses: Option<Box<[u16]>>,
    pass_upstream: Option<bool>,
    /// The endpoints of `default-backend`.
    group: Option<Arc<Group>>,
}

impl ErrorPages {
    /// For a policy, and the group of its `default-backend`.
    pub fn compile(pages: &policy::ErrorPages, group: Option<Arc<Group>>) -> Self {
        let statuses = pages.statuses.as_ref().map(|statuses| statuses.as_slice().into());
        Self { statuses, pass_upstream: pages.pass_upstream, group }
    }
}

/// A request that another backend answers than that of its route.
#[derive(Debug)]
pub struct Detour {
    /// What it asks for.
    pub kind: Kind,
    /// The status that the client would get without it.
    pub code: StatusCode,
    /// Why the gateway would answer that itself; `None` when the upstream did.
    pub reason: Option<Reason>,
    /// Tries before it began.
    pub tries: u32,
    /// Headers that the client gets whoever answers.
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether it began with an answer of the upstream that is dropped.
    switching: bool,
}

/// What a detour asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The page of an error.
    Page,
    /// The page of an error, which nobody serves: 404, as in ingress-nginx.
    NoPage,
    /// What the client asked for.
    Spare,
}

impl Detour {
    /// What the client gets from the gateway when the detour fails.
    pub fn status(&self) -> Option<u16> {
        match self.kind {
            Kind::Page => Some(self.code.as_u16()),
            Kind::NoPage => Some(404),
            Kind::Spare => None,
        }
    }

    /// Sets on an answer what the client gets whoever answers, such as the challenge of a 401.
    ///
    /// # Errors
    /// When a header cannot be set.
    pub fn set_on(&self, response: &mut ResponseHeader) -> Result<()> {
        // A cookie replaces no other cookie.
        for (name, _) in self.headers.iter().filter(|(name, _)| *name != SET_COOKIE) {
            response.remove_header(name);
        }
        self.headers
            .iter()
            .try_for_each(|(name, value)| response.append_header(name, value.clone()).map(drop))
    }

    /// Whether an upstream's answer has just been dropped for it; says so once.
    pub fn take_switching(&mut self) -> bool {
        std::mem::take(&mut self.switching)
    }
}

/// Whether a request asks for the page of an error.
pub fn asks_for_page(ctx: &Context) -> bool {
    ctx.detour.as_ref().is_some_and(|detour| detour.kind == Kind::Page)
}

/// The group that serves error pages: that of the annotation, else that of `--default-backend-service`. One without
/// endpoints is as if it were not there (ingress-nginx).
fn backend(table: &RouteTable, route: &CompiledRoute) -> Option<Arc<Group>> {
    let own = route.error_pages.as_ref().and_then(|pages| pages.group.as_ref());
    let default = || table.default_backend().and_then(|route| route.group.as_ref());
    let alive = |group: &&Arc<Group>| !group.is_empty();
    own.filter(alive).or_else(|| default().filter(alive)).cloned()
}

/// Whether the client gets a page in place of a status.
fn wanted(ctx: &Context, status: u16, of_upstream: bool) -> bool {
    // A default backend that was not asked yet is none so far.
    let on_its_way = ctx.detour.as_ref().is_some_and(|detour| detour.kind != Kind::Spare || ctx.tries > 0);
    let Some(route) = ctx.route.as_ref().filter(|_| !on_its_way) else { return false };
    let defaults = &ctx.table().settings().error_pages;
    let own = route.error_pages.as_deref();
    let statuses = match own.and_then(|pages| pages.statuses.as_deref()) {
        Some(statuses) => statuses,
        // The login takes the place of the pages that hold for all (ingress-nginx).
        None if defaults.statuses.is_empty() || external_auth::signs_in(route, ctx.table()) => return false,
        None => &defaults.statuses,
    };
    if statuses.is_empty() || statuses.binary_search(&status).is_err() {
        return false;
    }
    if of_upstream {
        return !own.and_then(|pages| pages.pass_upstream).unwrap_or(defaults.pass_upstream);
    }
    // A redirect of the gateway's own is no error.
    status >= 400
}

/// Begins the detour to the page of a status of the gateway's own; `false` when the client gets the status. `session` is
/// needed once its body may have been read.
pub fn begin(
    session: Option<&Session>,
    ctx: &mut Context,
    reason: Reason,
    status: u16,
    headers: &mut Vec<(HeaderName, HeaderValue)>,
) -> bool {
    let Ok(code) = StatusCode::from_u16(status) else { return false };
    if !wanted(ctx, status, false) {
        return false;
    }
    // What describes the page that is not sent goes with it.
    headers.retain(|(name, _)| !name.as_str().starts_with("content-"));
    start(session, ctx, code, Some(reason), std::mem::take(headers));
    true
}

/// The same for the answer of an upstream, of which nothing may have been sent on yet.
pub fn begin_for_upstream(
    session: &Session,
    ctx: &mut Context,
    code: StatusCode,
    headers: &HeaderMap,
) -> bool {
    if !wanted(ctx, code.as_u16(), true) {
        return false;
    }
    let challenges = headers.get_all(WWW_AUTHENTICATE).iter().filter(|_| code == StatusCode::UNAUTHORIZED);
    let challenges = challenges.map(|value| (WWW_AUTHENTICATE, value.clone())).collect();
    start(Some(session), ctx, code, None, challenges);
    if let Some(detour) = &mut ctx.detour {
        detour.switching = true;
    }
    true
}

fn start(
    session: Option<&Session>,
    ctx: &mut Context,
    code: StatusCode,
    reason: Option<Reason>,
    headers: Vec<(HeaderName, HeaderValue)>,
) {
    let group = ctx.route.as_ref().and_then(|route| backend(ctx.table(), route));
    let kind = if group.is_some() { Kind::Page } else { Kind::NoPage };
    // The engine ends the body of an HTTP/2 request only together with what it kept of it. Without a group the gateway's own
    // page is sent.
    let body_is_gone = session.is_some_and(|session| session.as_ref().retry_buffer_truncated());
    let group = group.filter(|group| !body_is_gone || group.protocol() == Protocol::Http1);
    ctx.detour = Some(Box::new(Detour { kind, code, reason, tries: ctx.tries, headers, switching: false }));
    ctx.group = group;
    (ctx.session, ctx.selection) = (None, Selection::RoundRobin);
    // Nothing that was learned of other endpoints counts here.
    ctx.failed.clear();
    ctx.tries = 0;
    ctx.stale = false;
    ctx.first_try = None;
}

/// The group of the annotation `default-backend`, for a route whose own group has no endpoints.
pub fn spare(route: &CompiledRoute, ctx: &mut Context) -> Option<Arc<Group>> {
    let group = route.error_pages.as_ref()?.group.as_ref().filter(|group| !group.is_empty())?;
    let reason = Reason::NoEndpoints;
    let code = StatusCode::SERVICE_UNAVAILABLE;
    let (kind, reason, headers) = (Kind::Spare, Some(reason), Vec::new());
    ctx.detour = Some(Box::new(Detour { kind, code, reason, tries: 0, headers, switching: false }));
    Some(Arc::clone(group))
}

/// Makes of a client's request the one for its error page.
///
/// # Errors
/// When a header cannot be set.
pub fn ask(client: &RequestHeader, request: &mut RequestHeader, ctx: &Context) -> Result<()> {
    for name in NOT_FOR_PAGES {
        request.remove_header(&name);
    }
    for name in CLAIMS {
        request.remove_header(name);
    }
    request.remove_header(&TE);
    let body_is_dropped =
        client.headers.contains_key(CONTENT_LENGTH) || client.headers.contains_key(TRANSFER_ENCODING);
    if body_is_dropped || !matches!(request.method, Method::GET | Method::HEAD) {
        // Else the engine announces the body that the client sends, and that is dropped here.
        request.insert_header(CONTENT_LENGTH, "0")?;
    }
    if let Some(host) = &ctx.forwarded.host {
        request.insert_header(HOST, host.clone())?;
    } else if let Ok(host) = HeaderValue::from_bytes(written_host(client))
        && !host.is_empty()
    {
        request.insert_header(HOST, host)?;
    }
    let target = HeaderValue::from_bytes(client.raw_path());
    set(request, X_ORIGINAL_URI, target.ok())?;
    set(request, X_FORWARDED_FOR, upstream_request::address(ctx.client).ok())?;
    tell(client, request, ctx)?;
    if let Some(route) = &ctx.route {
        external_auth::tell_upstream(route, request, ctx)?;
    }
    request.set_raw_path(b"/")
}

/// Tells the backend of a detour what it stands in for.
///
/// # Errors
/// When a header cannot be set.
pub fn tell(client: &RequestHeader, request: &mut RequestHeader, ctx: &Context) -> Result<()> {
    let (Some(detour), Some(route)) = (&ctx.detour, &ctx.route) else { return Ok(()) };
    let text = |text: &str| HeaderValue::try_from(text).ok();
    set(request, X_CODE, text(detour.code.as_str()))?;
    set(request, X_FORMAT, client.headers.get(ACCEPT).cloned())?;
    set(request, X_NAMESPACE, text(route.namespace()))?;
    set(request, X_INGRESS_NAME, text(route.ingress()))?;
    set(request, X_SERVICE_NAME, text(route.service()))?;
    set(request, X_SERVICE_PORT, text(route.service_port()))?;
    set(request, X_REQUEST_ID, text(&ctx.request_id))
}

/// Sets a header; without a value, or with an empty one, what the client claims goes all the same.
fn set(request: &mut RequestHeader, name: HeaderName, value: Option<HeaderValue>) -> Result<()> {
    match value.filter(|value| !value.is_empty()) {
        Some(value) => request.insert_header(name, value),
        None => {
            request.remove_header(&name);
            Ok(())
        }
    }
}
