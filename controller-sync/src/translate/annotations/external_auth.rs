//! `auth-url` and its kin, `enable-global-auth`: another service decides about each request.
//!
//! What its author wants to be asked and cannot be asked keeps everybody out; ingress-nginx lets everybody in for some of
//! these mistakes. How values are written stands in [`crate::translate::external_auth`].

use super::charset;
use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::external_auth;
use crate::translate::reference::BadReference;
use crate::translate::value::{Invalid, Parsed};
use ingora_config::Reason;
use ingora_config::policy::{AuthCache, AuthHeader, ExternalAuth, ExternalAuthChoice};

const URL: Support = Support::Differs(
    "the gateway asks the Service's endpoints, not the cluster's DNS; `$host` is whoever serves the path on the client's host; any \
     other variable in place of a host is refused; headers in which the client speaks for a proxy are not passed on",
);
const METHOD: Support = Support::Differs("`CONNECT` is refused");
const HEADERS: Support = Support::Differs("`Host` and headers of framing are refused");
const REDIRECT: Support = Support::Differs("a bad value does not let everybody in");
const CACHE: Support = Support::Differs("units up to days; a bad value does not let everybody in");
const COOKIE: Support =
    Support::Differs("each cookie has its own line; a bad value does not let everybody in");
const KEPT: Support = Support::Differs(
    "connections are always kept in the gateway's own pool, which has no number for one service; 0 or less keeps none",
);
const KEPT_FOR: Support = Support::Differs("it holds although HTTP/2 is on; 0 or less keeps none");
const VARIABLES: Support =
    Support::Differs("it has no effect: nothing of a request is changed by asking about it");

pub(super) const ROWS: &[Row] = &[
    Row::new("auth-url", "external_auth", Scope::Location, Risk::High, OnBad::Reject, URL),
    Row::new("auth-method", "external_auth", Scope::Location, Risk::Low, OnBad::Deny, METHOD),
    Row::new("auth-signin", "external_auth", Scope::Location, Risk::High, OnBad::Ignore, Support::Full),
    Row::new(
        "auth-signin-redirect-param",
        "external_auth",
        Scope::Location,
        Risk::Medium,
        OnBad::Ignore,
        Support::Full,
    ),
    Row::new("auth-response-headers", "external_auth", Scope::Location, Risk::Medium, OnBad::Deny, HEADERS),
    Row::new("auth-request-redirect", "external_auth", Scope::Location, Risk::Medium, OnBad::Deny, REDIRECT),
    Row::new("auth-proxy-set-headers", "external_auth", Scope::Location, Risk::Medium, OnBad::Deny, HEADERS),
    Row::new("auth-cache-key", "external_auth", Scope::Location, Risk::Medium, OnBad::Ignore, Support::Full),
    Row::new("auth-cache-duration", "external_auth", Scope::Location, Risk::Medium, OnBad::Deny, CACHE),
    Row::new("auth-keepalive", "external_auth", Scope::Location, Risk::Low, OnBad::Ignore, KEPT),
    Row::new("auth-keepalive-requests", "external_auth", Scope::Location, Risk::Low, OnBad::Ignore, KEPT),
    Row::new("auth-keepalive-timeout", "external_auth", Scope::Location, Risk::Low, OnBad::Ignore, KEPT_FOR),
    Row::new(
        "auth-keepalive-share-vars",
        "external_auth",
        Scope::Location,
        Risk::Low,
        OnBad::Ignore,
        VARIABLES,
    ),
    Row::new("auth-always-set-cookie", "external_auth", Scope::Location, Risk::Low, OnBad::Deny, COOKIE),
    Row::new("enable-global-auth", "external_auth", Scope::Location, Risk::Low, OnBad::Ignore, Support::Full),
];

/// Seconds that a connection to the service is kept (nginx' `keepalive_timeout`).
pub(in crate::translate) const KEEPALIVE: u32 = 60;

/// What the annotations of the feature ask for; `None` without any, and when they deny or reject.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<ExternalAuthChoice> {
    let opted_out = reader.bool("enable-global-auth") == Some(false);
    let Some(text) = reader.text("auth-url") else {
        without_service(reader);
        return opted_out.then_some(ExternalAuthChoice::Nobody);
    };
    if let Err(Invalid { message, hint }) = charset::check(&text, external_auth::of_template) {
        reader.bad("auth-url", &message, &hint);
        return None;
    }
    let (service, target) = match external_auth::url(&text, Some(reader.namespace())) {
        Ok(found) => found,
        Err(Invalid { message, hint }) => {
            reader.deny(Reason::AnnotationInvalid, "auth-url", &message, &hint);
            return None;
        }
    };
    Some(ExternalAuthChoice::Ask(Box::new(ExternalAuth {
        service,
        target,
        method: reader.parse("auth-method", external_auth::method),
        signin: signin(reader),
        response_headers: reader
            .parse("auth-response-headers", external_auth::response_headers)
            .unwrap_or_default(),
        request_redirect: reader.parse("auth-request-redirect", external_auth::request_redirect),
        set_headers: set_headers(reader),
        cache: cache(reader),
        always_set_cookie: reader.bool("auth-always-set-cookie").unwrap_or(false),
        keepalive_timeout: keepalive(reader),
    })))
}

/// Tells of annotations that only say how a service is asked where none is.
fn without_service(reader: &mut Reader<'_, '_>) {
    let of_feature = |name: &&str| {
        ROWS.iter().any(|row| row.name == *name && !["auth-url", "enable-global-auth"].contains(name))
    };
    for name in reader.names().into_iter().filter(of_feature) {
        let message = "it has no effect without auth-url".to_owned();
        reader.warn(name, message, "set auth-url, or remove it");
    }
}

fn signin(reader: &mut Reader<'_, '_>) -> Option<ingora_config::Template> {
    let param = reader.parse("auth-signin-redirect-param", external_auth::redirect_param);
    let param = param.unwrap_or_else(|| external_auth::REDIRECT_PARAM.to_owned());
    reader.parse("auth-signin", |text| external_auth::signin(text, &param))
}

fn cache(reader: &mut Reader<'_, '_>) -> Option<AuthCache> {
    let key = reader.parse("auth-cache-key", external_auth::cache_key);
    let durations = reader.parse("auth-cache-duration", external_auth::durations);
    let durations = durations.or_else(|| external_auth::durations(external_auth::DURATIONS).ok());
    Some(AuthCache { key: key?, durations: durations? })
}

fn keepalive(reader: &mut Reader<'_, '_>) -> u32 {
    // Nothing is made of it: what a request knows is its own.
    let _ = reader.bool("auth-keepalive-share-vars");
    let none =
        ["auth-keepalive", "auth-keepalive-requests"].map(|name| reader.int(name).is_some_and(|n| n <= 0));
    let seconds = reader.int("auth-keepalive-timeout").map_or(KEEPALIVE, |n| u32::try_from(n).unwrap_or(0));
    if none.contains(&true) { 0 } else { seconds }
}

/// `auth-proxy-set-headers`. A ConfigMap that is missing or has a bad line keeps everybody out: the service may decide by
/// what it says.
fn set_headers(reader: &mut Reader<'_, '_>) -> Vec<AuthHeader> {
    const NAME: &str = "auth-proxy-set-headers";
    let Some(text) = reader.text(NAME) else { return Vec::new() };
    let read = |reader: &mut Reader<'_, '_>| -> Result<Vec<AuthHeader>, (Reason, Invalid)> {
        let (id, map) = reader.config_map(&text).map_err(|error| {
            let hint = match error {
                BadReference::NotAName => "write name or namespace/name of a ConfigMap",
                BadReference::OtherNamespace => {
                    "use a ConfigMap of the Ingress' own namespace, or set allow-cross-namespace-resources"
                }
            };
            (Reason::AnnotationInvalid, Invalid::new(&text, &error.to_string(), hint))
        })?;
        let Some(map) = map else {
            let message = format!("ConfigMap {id} does not exist");
            let hint = "create it, or correct the name".to_owned();
            return Err((Reason::ConfigMapNotFound, Invalid { message, hint }));
        };
        let headers: Parsed<_> = external_auth::set_headers(map);
        headers.map_err(|Invalid { message, hint }| {
            (Reason::AnnotationInvalid, Invalid { message: format!("in ConfigMap {id}, {message}"), hint })
        })
    };
    read(reader).unwrap_or_else(|(reason, Invalid { message, hint })| {
        reader.deny(reason, NAME, &message, &hint);
        Vec::new()
    })
}
