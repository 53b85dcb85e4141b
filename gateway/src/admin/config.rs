//! `/config`: what is served, in an order that does not depend on chance. Never a key.

use crate::certificate::LoadedCertificate;
use crate::live::Live;
use crate::table::{CompiledRoute, HostTable};
use crate::upstream::Group;
use ingora_config::policy::Canary;
use ingora_config::{Backend, HostRole, Policy, Protocol, Settings};
use serde::Serialize;
use serde_json::Value;
use std::io;
use std::sync::Arc;

#[derive(Serialize)]
struct Dump<'d> {
    revision: Option<u64>,
    settings: &'d Settings,
    hosts: Vec<HostDump<'d>>,
    upstreams: Vec<UpstreamDump<'d>>,
    certificates: Vec<CertificateDump>,
    default_certificate: Details,
}

#[derive(Serialize)]
struct HostDump<'d> {
    host: String,
    served: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    /// Every path is a regular expression.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    regex: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_root: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirects_to: Option<String>,
    routes: Vec<RouteDump<'d>>,
}

#[derive(Serialize)]
struct RouteDump<'d> {
    path: &'d str,
    path_type: String,
    ingress: String,
    /// `None`: the backend is not a Service, the answer is 404.
    upstream: Option<&'d str>,
    /// What its annotations ask for, without what they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    canaries: Vec<CanaryDump>,
}

#[derive(Serialize)]
struct CanaryDump {
    ingress: String,
    upstream: String,
    weight: u32,
    weight_total: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookie: Option<String>,
}

#[derive(Serialize)]
struct UpstreamDump<'d> {
    name: &'d str,
    namespace: &'d str,
    service: &'d str,
    port: String,
    protocol: &'static str,
    endpoints: Vec<EndpointDump>,
}

#[derive(Serialize)]
struct EndpointDump {
    address: String,
    target: String,
    /// It does not answer and is left out until it is tried again, seconds from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out_for: Option<f64>,
    /// Failures in a row.
    #[serde(skip_serializing_if = "is_zero")]
    failures: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Serialize)]
struct CertificateDump {
    secret: String,
    /// `None`: the Secret is missing or cannot be used.
    certificate: Option<Details>,
}

#[derive(Serialize)]
struct Details {
    subject: String,
    names: Vec<String>,
    not_after: String,
    key_type: &'static str,
    sha256: String,
    intermediates: usize,
}

/// Writes the whole page.
///
/// # Errors
/// When `page` cannot be written to.
pub(super) fn dump(live: &Live, page: &mut dyn io::Write) -> io::Result<()> {
    let table = live.table();
    let mut hosts: Vec<_> = table.hosts().collect();
    hosts.sort_by(|a, b| a.host().cmp(b.host()));
    let groups = live.groups();
    let secrets = live.secrets();
    let dump = Dump {
        revision: live.revision(),
        settings: table.settings(),
        hosts: hosts.into_iter().map(|host| describe_host(host)).collect(),
        upstreams: groups.iter().map(|group| describe_upstream(group)).collect(),
        certificates: secrets
            .iter()
            .map(|slot| CertificateDump {
                secret: slot.secret().to_string(),
                certificate: slot.loaded().map(|loaded| describe(&loaded)),
            })
            .collect(),
        default_certificate: describe(&live.certificates().default()),
    };
    serde_json::to_writer_pretty(page, &dump).map_err(io::Error::from)
}

fn describe_host(host: &HostTable) -> HostDump<'_> {
    let mut routes: Vec<&Arc<CompiledRoute>> = host.routes().collect();
    routes.sort_by(|a, b| a.route.key.cmp(&b.route.key));
    let virtual_host = host.virtual_host();
    let (alias_of, redirects_to) = match virtual_host.map(|host| &host.role) {
        Some(HostRole::AliasOf(host)) => (Some(host.to_string()), None),
        Some(HostRole::RedirectTo(host)) => (None, Some(host.to_string())),
        Some(HostRole::Routes) | None => (None, None),
    };
    HostDump {
        host: host.host().to_string(),
        served: virtual_host.is_some(),
        certificate: virtual_host.and_then(|host| host.certificate.as_ref()).map(ToString::to_string),
        regex: virtual_host.is_some_and(|host| host.regex),
        app_root: virtual_host.and_then(|host| host.app_root.as_deref()),
        alias_of,
        redirects_to,
        routes: routes
            .into_iter()
            .map(|route| RouteDump {
                path: route.path(),
                path_type: format!("{:?}", route.route.key.path.kind),
                ingress: route.route.ingress.to_string(),
                upstream: matches!(route.route.backend, Backend::Upstream(_)).then(|| route.upstream()),
                canaries: route.route.canaries.iter().map(describe_canary).collect(),
                policy: describe_policy(&route.route.policy),
            })
            .collect(),
    }
}

fn describe_canary(canary: &Canary) -> CanaryDump {
    let rule = &canary.rule;
    CanaryDump {
        ingress: canary.ingress.to_string(),
        upstream: canary.upstream.to_string(),
        weight: rule.weight,
        weight_total: rule.weight_total,
        header: rule.by_header.as_ref().map(|header| header.name.clone()),
        cookie: rule.by_cookie.clone(),
    }
}

/// `None` when nothing is asked for.
fn describe_policy(policy: &Policy) -> Option<Value> {
    if policy.is_plain() {
        return None;
    }
    let mut value = serde_json::to_value(policy).ok()?;
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, value| !matches!(value, Value::Null | Value::Bool(false)));
    }
    Some(value)
}

fn describe_upstream(group: &Group) -> UpstreamDump<'_> {
    let id = group.id();
    let endpoints = group.targets();
    UpstreamDump {
        name: group.name(),
        namespace: &id.namespace,
        service: &id.service,
        port: id.port.to_string(),
        protocol: match group.protocol() {
            Protocol::Http1 => "http1",
            Protocol::H2c => "h2c",
        },
        endpoints: endpoints
            .iter()
            .map(|target| EndpointDump {
                address: target.name.to_string(),
                target: target.id.to_string(),
                left_out_for: target.health.out_for().map(|time| time.as_secs_f64()),
                failures: target.health.failures(),
            })
            .collect(),
    }
}

fn describe(certificate: &LoadedCertificate) -> Details {
    Details {
        subject: certificate.subject(),
        names: certificate.names(),
        not_after: certificate.not_after(),
        key_type: certificate.key_type(),
        sha256: certificate.fingerprint(),
        intermediates: certificate.chain.len(),
    }
}
