//! What annotations do to requests, one file per feature.
//!
//! ```text
//!   request ─▶ rewrite phase: denied, CORS preflight, redirects, HTTPS ─▶ endpoints, canary ─▶ access phase: limits ─▶ satisfy
//!   upstream ◀─ upstream phase: path, Host        client ◀─ response phase: CORS
//! ```
//!
//! The chain of a route is compiled when the route is published ([`Filters::compile`]): a request walks the filters its
//! route has, and no others. The order within a phase is that of ingress-nginx.

pub mod access_log;
pub mod affinity;
pub mod basic_auth;
pub mod block;
pub mod buffers;
pub mod canary;
pub mod compression;
mod cors;
mod custom_headers;
pub mod error_pages;
pub mod external_auth;
mod https_redirect;
pub mod load_balance;
pub mod mirror;
pub mod proxy_cookie;
pub mod proxy_http;
pub mod proxy_redirect;
pub mod rate_limit;
mod redirect;
mod replacement;
pub mod retry;
mod rewrite;
pub mod satisfy;
pub mod source_range;
pub mod timeouts;
mod upstream_vhost;

use crate::answer::Answer;
use crate::proxy::{Context, PublicPorts};
use crate::reason::Reason;
use crate::table::CompiledRoute;
use crate::template::Scope;
use crate::upstream::Group;
use affinity::Affinity;
use basic_auth::BasicAuth;
use cors::Cors;
use custom_headers::CustomHeaders;
use http::header::AUTHORIZATION;
use ingora_config::Route;
use ingora_config::policy::HttpsRedirect;
use mirror::Mirror;
use pingora::Result as ProxyResult;
use pingora::http::{RequestHeader, ResponseHeader};
use proxy_cookie::ProxyCookie;
use proxy_redirect::ProxyRedirect;
use rate_limit::{RateLimit, slots::Slots};
use redirect::Redirect;
use rewrite::Rewrite;
use source_range::SourceRange;
use std::sync::Arc;
use upstream_vhost::UpstreamVhost;

/// The filters of one route, by phase.
#[derive(Debug, Default)]
pub struct Filters {
    rewrite: Box<[RewriteFilter]>,
    access: Box<[AccessFilter]>,
    source_range: Option<SourceRange>,
    basic_auth: Option<BasicAuth>,
    /// Whether the allow list or one kind of credentials is enough; see [`satisfy`].
    satisfy_any: bool,
    upstream: Box<[UpstreamFilter]>,
    /// Of answers of upstreams alone.
    proxied: Box<[ProxiedFilter]>,
    response: Box<[ResponseFilter]>,
    /// The sessions of its clients.
    pub(crate) affinity: Option<Box<Affinity>>,
    /// What the route itself says of redirects to HTTPS; the ConfigMap may change without it.
    pub(crate) https_redirect: HttpsRedirect,
    /// Copies of requests.
    pub(crate) mirror: Option<Box<Mirror>>,
    /// Whom the route itself wants asked.
    pub(crate) external_auth: external_auth::Choice,
}

/// A filter of the rewrite phase: answers without regard to who asks.
#[derive(Debug)]
enum RewriteFilter {
    Denied,
    /// `rewrite-target` with a scheme.
    Rewrite(Rewrite),
    Preflight(Arc<Cors>),
    Redirect(Redirect),
}

/// A filter of the access phase: refuses some clients.
#[derive(Debug)]
enum AccessFilter {
    RateLimit(RateLimit),
}

/// A filter of what the upstream sees.
#[derive(Debug)]
enum UpstreamFilter {
    UpstreamVhost(UpstreamVhost),
    Rewrite(Rewrite),
}

/// A filter of what the client sees.
#[derive(Debug)]
enum ResponseFilter {
    Cors(Arc<Cors>),
    CustomHeaders(CustomHeaders),
}

/// A filter of what an upstream says about where things are; the settings have defaults for both.
#[derive(Debug)]
enum ProxiedFilter {
    ProxyCookie(ProxyCookie),
    ProxyRedirect(ProxyRedirect),
}

impl Filters {
    /// Compiles what the policy of a route asks for, each phase in its order; `asked` is the group of `auth-url`, `copied` that of `mirror-target`.
    pub fn compile(
        route: &Route,
        slots: &Arc<Slots>,
        users: &mut basic_auth::users::Slots,
        asked: Option<Arc<Group>>,
        copied: Option<Arc<Group>>,
    ) -> Self {
        let policy = &*route.policy;
        let https_redirect = policy.https_redirect.as_deref().copied().unwrap_or_default();
        if policy.denied {
            // Nothing else runs, CORS neither.
            return Self { rewrite: [RewriteFilter::Denied].into(), https_redirect, ..Self::default() };
        }
        let (mut rewrite, mut upstream, mut response) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(Ok(cors)) = policy.cors.as_deref().map(Cors::compile) {
            let cors = Arc::new(cors);
            rewrite.push(RewriteFilter::Preflight(Arc::clone(&cors)));
            response.push(ResponseFilter::Cors(cors));
        }
        if let Some(headers) = &policy.custom_headers {
            response.push(ResponseFilter::CustomHeaders(CustomHeaders::compile(headers)));
        }
        let cookie = policy.proxy_cookie.as_deref().map(ProxyCookie::compile);
        let location = policy.proxy_redirect.as_deref().map(ProxyRedirect::compile);
        let cookie = cookie.map(ProxiedFilter::ProxyCookie);
        let proxied = cookie.into_iter().chain(location.map(ProxiedFilter::ProxyRedirect)).collect();
        let path = route.key.path.value.as_str();
        if let Some(redirect) = &policy.redirect {
            match Redirect::compile(redirect, path) {
                Ok(redirect) => rewrite.extend(redirect.map(RewriteFilter::Redirect)),
                Err(_) => rewrite.push(RewriteFilter::Denied),
            }
        }
        // Before the path changes, so that a Host with the request's URI has the one the client sent.
        if let Some(vhost) = &policy.upstream_vhost {
            upstream.push(UpstreamFilter::UpstreamVhost(UpstreamVhost::compile(vhost)));
        }
        match policy.rewrite.as_ref().and_then(|policy| Rewrite::compile(policy, path)) {
            Some(filter) if filter.redirects() => rewrite.push(RewriteFilter::Rewrite(filter)),
            Some(filter) => upstream.push(UpstreamFilter::Rewrite(filter)),
            None => {}
        }
        let limit = policy.rate_limit.as_ref();
        let limit = limit.and_then(|limit| RateLimit::compile(limit, &route.ingress, slots));
        Self {
            rewrite: rewrite.into(),
            access: limit.map(AccessFilter::RateLimit).into_iter().collect(),
            source_range: policy.source_range.as_ref().map(|lists| SourceRange::compile(lists)),
            basic_auth: policy.basic_auth.as_ref().map(|policy| BasicAuth::compile(policy, users)),
            satisfy_any: policy.satisfy_any,
            upstream: upstream.into(),
            proxied,
            response: response.into(),
            affinity: policy.affinity.as_ref().map(|policy| Box::new(Affinity::compile(policy, path))),
            https_redirect,
            mirror: policy
                .mirror
                .as_deref()
                .zip(copied)
                .map(|(policy, group)| Box::new(Mirror::compile(policy, group))),
            external_auth: external_auth::Choice::compile(route, asked),
        }
    }
}

/// Runs the rewrite phase of a route.
///
/// # Errors
/// The answer, when the request is answered here.
pub fn rewrite_phase(
    ports: &PublicPorts,
    route: &CompiledRoute,
    request: &RequestHeader,
    ctx: &mut Context,
) -> Result<(), Answer> {
    for filter in &route.filters.rewrite {
        match filter {
            RewriteFilter::Denied => return Err(Answer::page(Reason::Denied)),
            RewriteFilter::Rewrite(filter) => return Err(filter.redirect(route, request, ctx)),
            RewriteFilter::Preflight(cors) => cors.preflight(request)?,
            RewriteFilter::Redirect(redirect) => return Err(redirect.answer(ports, route, ctx)),
        }
    }
    https_redirect::check(ports, route, request, ctx)
}

/// Runs the part of the access phase that needs no waiting; [`satisfy::check`] is the other.
///
/// # Errors
/// The answer, when the request is refused.
pub fn access_phase(
    route: &CompiledRoute,
    _request: &RequestHeader,
    ctx: &mut Context,
) -> Result<(), Answer> {
    for filter in &route.filters.access {
        match filter {
            AccessFilter::RateLimit(limit) => limit.check(ctx)?,
        }
    }
    Ok(())
}

/// Changes what the upstream sees, after the headers that every upstream gets.
///
/// # Errors
/// When a header cannot be set, which ends the request with 500.
pub fn upstream_phase(route: &CompiledRoute, request: &mut RequestHeader, ctx: &Context) -> ProxyResult<()> {
    if route.filters.basic_auth.is_some() && satisfy::asks_for_credentials(route, ctx) {
        // The password was meant for the gateway.
        request.remove_header(&AUTHORIZATION);
    }
    for filter in &route.filters.upstream {
        match filter {
            UpstreamFilter::UpstreamVhost(filter) => filter.apply(route, request, ctx)?,
            UpstreamFilter::Rewrite(filter) => filter.apply(route, request, ctx)?,
        }
    }
    external_auth::tell_upstream(route, request, ctx)
}

/// Changes what the client sees, on answers of upstreams and of the gateway alike.
///
/// # Errors
/// When a header cannot be set, which ends the request with 500.
pub fn response_phase(
    route: &CompiledRoute,
    request: &RequestHeader,
    response: &mut ResponseHeader,
    ctx: &Context,
) -> ProxyResult<()> {
    for filter in &route.filters.response {
        match filter {
            ResponseFilter::Cors(cors) => cors.respond(request, response)?,
            ResponseFilter::CustomHeaders(headers) => headers.apply(response)?,
        }
    }
    external_auth::tell_client(response, ctx)
}

/// Changes what an upstream says about where things are. Answers of the gateway's own are right as they are.
///
/// # Errors
/// When a header cannot be set, which ends the request with 500.
pub fn proxied_phase(
    route: &CompiledRoute,
    request: &RequestHeader,
    response: &mut ResponseHeader,
    ctx: &Context,
) -> ProxyResult<()> {
    let (mut cookie, mut location) = (None, None);
    for filter in &route.filters.proxied {
        match filter {
            ProxiedFilter::ProxyCookie(own) => cookie = Some(own),
            ProxiedFilter::ProxyRedirect(own) => location = Some(own),
        }
    }
    let settings = ctx.table().compiled();
    let scope = Scope { request, ctx, route, groups: None };
    ProxyCookie::apply(&settings.proxy_cookie, cookie, response, scope)?;
    match location.or(settings.proxy_redirect.as_ref()) {
        Some(location) => location.apply(response, scope),
        None => Ok(()),
    }
}
