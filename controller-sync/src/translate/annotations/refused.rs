//! Annotations that Ingora refuses, each with what to use instead. An Ingress with one that could guard it, as any snippet
//! could, is not served.

use super::table::{Guards, OnBad, Risk, Row, Scope, Support};

pub(super) const fn refused(guards: Guards, why: &'static str, instead: &'static str) -> Support {
    Support::Refused { guards, why, instead }
}

pub(super) const ROWS: &[Row] = &[
    Row::new(
        "fastcgi-index",
        "fastcgi",
        Scope::Location,
        Risk::Medium,
        OnBad::Reject,
        refused(
            Guards::Nothing,
            "FastCGI is not spoken",
            "put an HTTP server such as a sidecar in front of the FastCGI program",
        ),
    ),
    Row::new(
        "fastcgi-params-configmap",
        "fastcgi",
        Scope::Location,
        Risk::Medium,
        OnBad::Reject,
        refused(
            Guards::Nothing,
            "FastCGI is not spoken",
            "put an HTTP server such as a sidecar in front of the FastCGI program",
        ),
    ),
    Row::new(
        "http2-push-preload",
        "http2_push_preload",
        Scope::Location,
        Risk::Low,
        OnBad::Reject,
        refused(
            Guards::Nothing,
            "browsers have removed HTTP/2 push",
            "leave the Link headers as they are; browsers preload what they name",
        ),
    ),
    Row::new(
        "enable-opentelemetry",
        "opentelemetry",
        Scope::Location,
        Risk::Low,
        OnBad::Ignore,
        refused(Guards::Nothing, "traces are not exported yet", "traceparent headers pass unchanged"),
    ),
    Row::new(
        "opentelemetry-trust-incoming-span",
        "opentelemetry",
        Scope::Location,
        Risk::Low,
        OnBad::Ignore,
        refused(Guards::Nothing, "traces are not exported yet", "traceparent headers pass unchanged"),
    ),
    Row::new(
        "opentelemetry-operation-name",
        "opentelemetry",
        Scope::Location,
        Risk::Medium,
        OnBad::Reject,
        refused(Guards::Nothing, "traces are not exported yet", "traceparent headers pass unchanged"),
    ),
    Row::new(
        "enable-modsecurity",
        "modsecurity",
        Scope::Ingress,
        Risk::Low,
        OnBad::Ignore,
        refused(
            Guards::Part,
            "there is no ModSecurity in Ingora",
            "put a web application firewall in front, or behind auth-url",
        ),
    ),
    Row::new(
        "enable-owasp-core-rules",
        "modsecurity",
        Scope::Ingress,
        Risk::Low,
        OnBad::Ignore,
        refused(
            Guards::Part,
            "there is no ModSecurity in Ingora",
            "put a web application firewall in front, or behind auth-url",
        ),
    ),
    Row::new(
        "modsecurity-transaction-id",
        "modsecurity",
        Scope::Ingress,
        Risk::High,
        OnBad::Ignore,
        refused(
            Guards::Part,
            "there is no ModSecurity in Ingora",
            "X-Request-ID identifies a request everywhere",
        ),
    ),
    Row::new(
        "modsecurity-snippet",
        "modsecurity",
        Scope::Ingress,
        Risk::Critical,
        OnBad::Ignore,
        refused(
            Guards::Whole,
            "there is no ModSecurity in Ingora",
            "put a web application firewall in front, or behind auth-url",
        ),
    ),
];
