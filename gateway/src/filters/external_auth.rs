//! `auth-url`, `global-auth-url`: another service decides about a request before its upstream sees it.
//!
//! ```text
//!   request ─▶ cache ─▶ question ─▶ ask ──▶ 2xx  goes on, with headers of the answer for the upstream and cookies for the client
//!                 ▲        (head)    │      401  to auth-signin, or 401 with the service's challenge
//!                 └──────────────────┘      403  403
//!                                           else, or no answer: 500
//! ```
//!
//! The client's body is never touched. Whatever fails closes.

mod ask;
pub mod cache;
mod question;
mod verdict;

pub use cache::Verdicts;
pub use verdict::Verdict;

use crate::answer::Answer;
use crate::location::{self, Style};
use crate::proxy::{Context, Gateway, PublicPorts};
use crate::reason::Reason;
use crate::table::{CompiledRoute, RouteTable};
use crate::template::{Scope, header_value};
use crate::upstream::Group;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue, SET_COOKIE, WWW_AUTHENTICATE};
use ingora_config::policy::{self, ExternalAuthChoice};
use ingora_config::settings::GlobalAuth;
use ingora_config::{Route, Template};
use pingora::Result as ProxyResult;
use pingora::connectors::http::Connector;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora_proxy::Session;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// What one core asks with.
pub struct Asker {
    /// Connections to services, beside those to upstreams.
    connector: Connector,
    /// Answers that hold for a while, of all cores.
    verdicts: Arc<Verdicts>,
}

impl Asker {
    /// With connections of its own.
    pub fn new(verdicts: Arc<Verdicts>) -> Self {
        Self { connector: Connector::new(None), verdicts }
    }
}

/// What a route itself says.
#[derive(Debug, Default)]
pub enum Choice {
    /// As the ConfigMap says.
    #[default]
    Default,
    /// Nobody is asked.
    Nobody,
    /// This one.
    Ask(Box<ExternalAuth>),
}

impl Choice {
    /// Compiles what annotations ask for; `group` is that of [`ExternalAuthChoice::upstream`].
    pub fn compile(route: &Route, group: Option<Arc<Group>>) -> Self {
        match route.policy.external_auth.as_deref() {
            None => Self::Default,
            Some(ExternalAuthChoice::Nobody) => Self::Nobody,
            Some(ExternalAuthChoice::Ask(auth)) => Self::Ask(Box::new(ExternalAuth::compile(auth, group))),
        }
    }
}

/// Who is asked, ready for requests.
#[derive(Debug)]
pub struct ExternalAuth {
    auth: policy::ExternalAuth,
    /// `None`: whoever serves the client's host.
    group: Option<Arc<Group>>,
    response_headers: Box<[HeaderName]>,
    set_headers: Box<[(HeaderName, Template)]>,
    /// Two of these that ask differently do not share answers.
    identity: u64,
}

impl ExternalAuth {
    /// Compiles it; `group` is that of the service, where it is one Service or host.
    pub fn compile(auth: &policy::ExternalAuth, group: Option<Arc<Group>>) -> Self {
        let name = |name: &str| HeaderName::try_from(name).ok();
        let mut identity = DefaultHasher::new();
        auth.hash(&mut identity);
        Self {
            group,
            response_headers: auth.response_headers.iter().filter_map(|text| name(text)).collect(),
            set_headers: auth
                .set_headers
                .iter()
                .filter_map(|header| Some((name(header.name())?, header.value().clone())))
                .collect(),
            identity: identity.finish(),
            auth: auth.clone(),
        }
    }
}

/// Who is to be asked about requests of a route.
///
/// # Errors
/// The answer when somebody should be and nobody knows who.
fn in_effect<'r>(
    route: &'r CompiledRoute,
    table: &'r RouteTable,
) -> Result<Option<&'r ExternalAuth>, Answer> {
    let settings = table.settings();
    let auth = match (&route.filters.external_auth, &settings.global_auth) {
        (Choice::Nobody, _) | (Choice::Default, GlobalAuth::None) => return Ok(None),
        (Choice::Ask(auth), _) => Some(&**auth),
        (Choice::Default, GlobalAuth::Ask(_)) => table.global_auth(),
        (Choice::Default, GlobalAuth::Broken) => None,
    };
    if settings.no_auth_locations.covers(route.path()) {
        return Ok(None);
    }
    auth.map(Some).ok_or_else(|| Answer::page(Reason::Denied))
}

/// Whether somebody is to be asked about requests of a route, whatever its path is.
pub fn guards(route: &CompiledRoute, table: &RouteTable) -> bool {
    match &route.filters.external_auth {
        Choice::Ask(_) => true,
        Choice::Default => table.settings().global_auth != GlobalAuth::None,
        Choice::Nobody => false,
    }
}

/// Whether a 401 of a route is a redirect to a login.
pub fn signs_in(route: &CompiledRoute, table: &RouteTable) -> bool {
    in_effect(route, table).is_ok_and(|auth| auth.is_some_and(|auth| auth.auth.signin.is_some()))
}

/// Asks about a request, where somebody is to be asked.
///
/// # Errors
/// The refusal.
pub async fn check(
    gateway: &Gateway,
    session: &mut Session,
    route: &CompiledRoute,
    ctx: &mut Context,
) -> Result<(), Answer> {
    if in_effect(route, ctx.table())?.is_none() {
        return Ok(());
    }
    // What is asked does not change while it is waited for.
    let table = Arc::clone(ctx.table());
    let Some(auth) = in_effect(route, &table)? else { return Ok(()) };
    let asker = &gateway.external_auth;
    let key = auth.cache_key(session.req_header(), route, ctx);
    let known = key.as_ref().and_then(|key| asker.verdicts.get(key));
    let verdict = match known {
        Some(verdict) => verdict,
        None => {
            let question = auth.question(session.req_header(), route, &table, ctx)?;
            // In a box: requests about which nobody is asked must not carry the space for it.
            let asked = Box::pin(ask::ask(&asker.connector, question, auth)).await;
            let verdict = Arc::new(asked.map_err(|_| Answer::page(Reason::ExternalAuthFailed))?);
            if let (Some(key), Some(cache)) = (key, &auth.auth.cache) {
                asker.verdicts.keep(key, &verdict, &cache.durations);
            }
            verdict
        }
    };
    let refusal = refusal(&verdict);
    ctx.external_auth = Some(verdict);
    refusal.map_or(Ok(()), Err)
}

/// What a verdict that does not let pass is answered with.
fn refusal(verdict: &Verdict) -> Option<Answer> {
    Some(match verdict.status {
        status if status.is_success() => return None,
        StatusCode::UNAUTHORIZED => {
            let mut answer = Answer::page(Reason::ExternalAuthUnauthorized);
            answer.headers.extend(verdict.challenge.clone().map(|value| (WWW_AUTHENTICATE, value)));
            answer
        }
        StatusCode::FORBIDDEN => Answer::page(Reason::ExternalAuthForbidden),
        _ => Answer::page(Reason::ExternalAuthFailed),
    })
}

/// `auth-signin`: a redirect in place of any 401 of the route.
pub fn signin(
    ports: &PublicPorts,
    route: &CompiledRoute,
    request: &RequestHeader,
    ctx: &Context,
    answer: Answer,
) -> Answer {
    if answer.status != StatusCode::UNAUTHORIZED.as_u16() {
        return answer;
    }
    let Ok(Some(auth)) = in_effect(route, ctx.table()) else { return answer };
    let Some(signin) = &auth.auth.signin else { return answer };
    let scope = Scope { request, ctx, route, groups: None };
    let Ok(location) = scope.render(signin) else { return answer };
    let location = match location.starts_with(b"/") {
        true => location::here(Style::of(route, ctx), ports, ctx, &[&location]),
        false => header_value(&location),
    };
    Answer::redirect(Reason::SignIn, Reason::SignIn.status(), location)
}

/// `auth-response-headers`: what the upstream is told of the answer. A client never says any of it, whether somebody was
/// asked or another way in was enough.
///
/// # Errors
/// When the header map is full.
pub fn tell_upstream(route: &CompiledRoute, request: &mut RequestHeader, ctx: &Context) -> ProxyResult<()> {
    let Ok(Some(auth)) = in_effect(route, ctx.table()) else { return Ok(()) };
    for (index, name) in auth.response_headers.iter().enumerate() {
        let value = ctx.external_auth.as_ref().and_then(|verdict| verdict.headers.get(index)?.as_ref());
        match value {
            Some(value) => request.insert_header(name, value)?,
            None => drop(request.remove_header(name)),
        }
    }
    Ok(())
}

/// The answer's cookies for the client: with the statuses for which nginx adds headers, or with `auth-always-set-cookie` all.
///
/// # Errors
/// When the header map is full.
pub fn tell_client(response: &mut ResponseHeader, ctx: &Context) -> ProxyResult<()> {
    let Some(verdict) = ctx.external_auth.as_ref().filter(|verdict| !verdict.cookies.is_empty()) else {
        return Ok(());
    };
    let status = response.status.as_u16();
    if verdict.always_set_cookie
        || matches!(status, 200 | 201 | 204 | 206 | 301 | 302 | 303 | 304 | 307 | 308)
    {
        for cookie in &verdict.cookies {
            response.append_header(SET_COOKIE, cookie)?;
        }
    }
    Ok(())
}

/// All lines of a header as one value.
fn joined(headers: &http::HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    crate::client_address::joined(headers, name).map(std::borrow::Cow::into_owned)
}
