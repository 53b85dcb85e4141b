//! Annotations that Ingora accepts and does not act on yet. Each gives a problem.

use super::table::{Guards, OnBad, Risk, Row, Scope, Support};

const NOTHING: Support = Support::Pending(Guards::Nothing);

pub(super) const ROWS: &[Row] = &[
    Row::new("affinity", "affinity", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("affinity-mode", "affinity", Scope::Ingress, Risk::Medium, OnBad::Ignore, NOTHING),
    Row::new("session-cookie-name", "affinity", Scope::Ingress, Risk::Medium, OnBad::Ignore, NOTHING),
    Row::new("session-cookie-secure", "affinity", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("session-cookie-path", "affinity", Scope::Ingress, Risk::Medium, OnBad::Ignore, NOTHING),
    Row::new("session-cookie-domain", "affinity", Scope::Ingress, Risk::Medium, OnBad::Ignore, NOTHING),
    Row::new("session-cookie-samesite", "affinity", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new(
        "session-cookie-conditional-samesite-none",
        "affinity",
        Scope::Ingress,
        Risk::Low,
        OnBad::Ignore,
        NOTHING,
    ),
    Row::new("session-cookie-expires", "affinity", Scope::Ingress, Risk::Medium, OnBad::Ignore, NOTHING),
    Row::new("session-cookie-max-age", "affinity", Scope::Ingress, Risk::Medium, OnBad::Ignore, NOTHING),
    Row::new(
        "session-cookie-change-on-failure",
        "affinity",
        Scope::Ingress,
        Risk::Low,
        OnBad::Ignore,
        NOTHING,
    ),
    Row::new("load-balance", "load_balance", Scope::Location, Risk::Low, OnBad::Reject, NOTHING),
    Row::new("upstream-hash-by", "load_balance", Scope::Location, Risk::High, OnBad::Reject, NOTHING),
    Row::new("upstream-hash-by-subset", "load_balance", Scope::Location, Risk::Low, OnBad::Reject, NOTHING),
    Row::new(
        "upstream-hash-by-subset-size",
        "load_balance",
        Scope::Location,
        Risk::Low,
        OnBad::Reject,
        NOTHING,
    ),
    Row::new("service-upstream", "load_balance", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("backend-protocol", "backend_protocol", Scope::Location, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-secret", "proxy_ssl", Scope::Ingress, Risk::Medium, OnBad::Reject, NOTHING),
    Row::new("proxy-ssl-verify", "proxy_ssl", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-verify-depth", "proxy_ssl", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-name", "proxy_ssl", Scope::Ingress, Risk::High, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-server-name", "proxy_ssl", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-ciphers", "proxy_ssl", Scope::Ingress, Risk::Medium, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-protocols", "proxy_ssl", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
];
