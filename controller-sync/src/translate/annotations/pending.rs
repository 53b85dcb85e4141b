//! Annotations that Ingora accepts and does not act on yet. Each gives a problem; what should keep strangers out keeps
//! the Ingress from being served.

use super::table::{Guards, OnBad, Risk, Row, Scope, Support};

const NOTHING: Support = Support::Pending(Guards::Nothing);
const PART: Support = Support::Pending(Guards::Part);
const WHOLE: Support = Support::Pending(Guards::Whole);

pub(super) const ROWS: &[Row] = &[
    Row::new("auth-url", "external_auth", Scope::Location, Risk::High, OnBad::Reject, WHOLE),
    Row::new("auth-method", "external_auth", Scope::Location, Risk::Low, OnBad::Deny, PART),
    Row::new("auth-signin", "external_auth", Scope::Location, Risk::High, OnBad::Ignore, PART),
    Row::new(
        "auth-signin-redirect-param",
        "external_auth",
        Scope::Location,
        Risk::Medium,
        OnBad::Ignore,
        PART,
    ),
    Row::new("auth-response-headers", "external_auth", Scope::Location, Risk::Medium, OnBad::Deny, PART),
    Row::new("auth-request-redirect", "external_auth", Scope::Location, Risk::Medium, OnBad::Deny, PART),
    Row::new("auth-proxy-set-headers", "external_auth", Scope::Location, Risk::Medium, OnBad::Deny, PART),
    Row::new("auth-cache-key", "external_auth", Scope::Location, Risk::Medium, OnBad::Ignore, PART),
    Row::new("auth-cache-duration", "external_auth", Scope::Location, Risk::Medium, OnBad::Deny, PART),
    Row::new("auth-keepalive", "external_auth", Scope::Location, Risk::Low, OnBad::Ignore, PART),
    Row::new("auth-keepalive-requests", "external_auth", Scope::Location, Risk::Low, OnBad::Ignore, PART),
    Row::new("auth-keepalive-timeout", "external_auth", Scope::Location, Risk::Low, OnBad::Ignore, PART),
    Row::new("auth-keepalive-share-vars", "external_auth", Scope::Location, Risk::Low, OnBad::Ignore, PART),
    Row::new("auth-always-set-cookie", "external_auth", Scope::Location, Risk::Low, OnBad::Deny, PART),
    Row::new("enable-global-auth", "external_auth", Scope::Location, Risk::Low, OnBad::Ignore, PART),
    Row::new("auth-tls-secret", "auth_tls", Scope::Location, Risk::Medium, OnBad::Reject, WHOLE),
    Row::new("auth-tls-verify-client", "auth_tls", Scope::Location, Risk::Medium, OnBad::Ignore, PART),
    Row::new("auth-tls-verify-depth", "auth_tls", Scope::Location, Risk::Low, OnBad::Ignore, PART),
    Row::new("auth-tls-error-page", "auth_tls", Scope::Location, Risk::High, OnBad::Reject, PART),
    Row::new(
        "auth-tls-pass-certificate-to-upstream",
        "auth_tls",
        Scope::Location,
        Risk::Low,
        OnBad::Reject,
        PART,
    ),
    Row::new("auth-tls-match-cn", "auth_tls", Scope::Location, Risk::High, OnBad::Reject, PART),
    Row::new("backend-protocol", "backend_protocol", Scope::Location, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-secret", "proxy_ssl", Scope::Ingress, Risk::Medium, OnBad::Reject, NOTHING),
    Row::new("proxy-ssl-verify", "proxy_ssl", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-verify-depth", "proxy_ssl", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-name", "proxy_ssl", Scope::Ingress, Risk::High, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-server-name", "proxy_ssl", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-ciphers", "proxy_ssl", Scope::Ingress, Risk::Medium, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-protocols", "proxy_ssl", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("proxy-redirect-from", "proxy_redirect", Scope::Location, Risk::Medium, OnBad::Ignore, NOTHING),
    Row::new("proxy-redirect-to", "proxy_redirect", Scope::Location, Risk::Medium, OnBad::Ignore, NOTHING),
    Row::new("proxy-cookie-domain", "proxy_cookie", Scope::Location, Risk::Medium, OnBad::Ignore, NOTHING),
    Row::new("proxy-cookie-path", "proxy_cookie", Scope::Location, Risk::Medium, OnBad::Ignore, NOTHING),
    Row::new("custom-http-errors", "error_pages", Scope::Location, Risk::Low, OnBad::Reject, NOTHING),
    Row::new("default-backend", "error_pages", Scope::Location, Risk::Low, OnBad::Reject, NOTHING),
    Row::new(
        "disable-proxy-intercept-errors",
        "error_pages",
        Scope::Location,
        Risk::Low,
        OnBad::Ignore,
        NOTHING,
    ),
    Row::new("custom-headers", "custom_headers", Scope::Location, Risk::Medium, OnBad::Deny, NOTHING),
    Row::new("ssl-ciphers", "tls", Scope::Ingress, Risk::Low, OnBad::Reject, NOTHING),
    Row::new("ssl-prefer-server-ciphers", "tls", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
];
