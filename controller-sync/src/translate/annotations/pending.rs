//! Annotations that Ingora accepts and does not act on yet. Each gives a problem.

use super::table::{Guards, OnBad, Risk, Row, Scope, Support};

const NOTHING: Support = Support::Pending(Guards::Nothing);

pub(super) const ROWS: &[Row] = &[
    Row::new("backend-protocol", "backend_protocol", Scope::Location, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-secret", "proxy_ssl", Scope::Ingress, Risk::Medium, OnBad::Reject, NOTHING),
    Row::new("proxy-ssl-verify", "proxy_ssl", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-verify-depth", "proxy_ssl", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-name", "proxy_ssl", Scope::Ingress, Risk::High, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-server-name", "proxy_ssl", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-ciphers", "proxy_ssl", Scope::Ingress, Risk::Medium, OnBad::Ignore, NOTHING),
    Row::new("proxy-ssl-protocols", "proxy_ssl", Scope::Ingress, Risk::Low, OnBad::Ignore, NOTHING),
];
