//! What a translation came to, as a text that people can compare. Taking every field by name makes the compiler ask for
//! each new one.

use ingora_config::policy::ProxySslSecret;
use ingora_config::{
    Authority, Backend, Certificate, Endpoints, HostRole, Problem, Resource, Route, RouteKey, Settings,
    Upstream, VirtualHost,
};
use serde_json::Value;
use std::fmt::Write as _;

pub(crate) fn render<'a>(
    resources: impl Iterator<Item = &'a Resource>,
    problems: impl Iterator<Item = &'a Problem>,
) -> String {
    let mut text = String::from("resources:\n");
    resources.for_each(|resource| line(&mut text, &resource_line(resource)));
    text.push_str("problems:\n");
    for Problem { severity, object, reason, field, message, hint, location: _ } in problems {
        line(&mut text, &format!("{severity}: {object}"));
        let details =
            [("reason", &reason.to_string()), ("field", field), ("message", message), ("hint", hint)];
        for (name, value) in details.into_iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(text, "  {name}: {}", scalar(value));
        }
    }
    text
}

fn line(text: &mut String, item: &str) {
    let (name, value) = item.split_once(": ").expect("an item has a name");
    let _ = writeln!(text, "- {name}: {}", scalar(value));
}

/// A YAML scalar, in quotation marks where it needs them.
fn scalar(value: &str) -> String {
    let plain = !value.contains(": ") && !value.contains(" #") && !value.starts_with(['"', '*', '-', '[']);
    if plain { value.to_owned() } else { serde_json::to_string(value).expect("a text") }
}

fn resource_line(resource: &Resource) -> String {
    match resource {
        Resource::Settings(settings) => {
            let Settings { default_backend, default_certificate, .. } = (**settings).clone();
            let backend = default_backend.map_or("none".to_owned(), |id| id.to_string());
            let certificate = default_certificate.map_or("none".to_owned(), |id| id.to_string());
            let mut more = String::new();
            differences("", &json(&Settings::default()), &json(settings), &mut more);
            format!("Settings: default backend {backend}, default certificate {certificate}{more}")
        }
        Resource::VirtualHost(VirtualHost {
            host,
            certificate,
            role,
            tls: _,
            regex,
            app_root,
            auth_tls,
            ciphers,
        }) => {
            let certificate = certificate.as_ref().map_or("default".to_owned(), ToString::to_string);
            let mut line = format!("VirtualHost: {host}, certificate {certificate}");
            match role {
                HostRole::Routes => {}
                HostRole::AliasOf(of) => line.push_str(&format!(", alias of {of}")),
                HostRole::RedirectTo(to) => line.push_str(&format!(", redirects to {to}")),
            }
            if *regex {
                line.push_str(", regex");
            }
            if let Some(app_root) = app_root {
                line.push_str(&format!(", app-root {app_root}"));
            }
            if let Some(auth_tls) = auth_tls {
                line.push_str(&format!(", auth_tls {}", brief(auth_tls)));
            }
            if let Some(ciphers) = ciphers {
                line.push_str(&format!(", ciphers {}", brief(ciphers)));
            }
            line
        }
        Resource::Route(Route { key: RouteKey { host, path }, ingress, backend, policy, canaries }) => {
            let backend = match backend {
                Backend::Upstream(id) => id.to_string(),
                Backend::NotFound => "404".to_owned(),
            };
            let mut line = format!("Route: {host} {:?} {} of {ingress} to {backend}", path.kind, path.value);
            if !policy.is_plain() {
                line.push_str(&format!(" with {}", brief(&**policy)));
            }
            for canary in canaries {
                line.push_str(&format!(" canary {}", brief(canary)));
            }
            line
        }
        Resource::Upstream(Upstream { id, protocol, service_address }) => {
            let address = service_address.map_or(String::new(), |address| format!(" at {address}"));
            format!("Upstream: {id} {protocol:?}{address}")
        }
        Resource::Endpoints(Endpoints { upstream, endpoints }) => {
            let show = |endpoint: &ingora_config::Endpoint| match &*endpoint.target {
                "" => endpoint.address.to_string(),
                target => format!("{} ({target})", endpoint.address),
            };
            let list: Vec<String> = endpoints.iter().map(show).collect();
            format!("Endpoints: {upstream} {}", if list.is_empty() { "none".into() } else { list.join(", ") })
        }
        Resource::Authority(Authority { secret, certificates, revoked }) => {
            let lists = revoked.as_ref().map_or(0, |lists| lists.matches("BEGIN X509 CRL").count());
            let certificates = certificates.matches("BEGIN CERTIFICATE").count();
            format!("Authority: {secret}, {certificates} certificates, {lists} lists of revoked ones")
        }
        Resource::Certificate(Certificate { secret, chain, key }) => {
            assert!(!key.expose_pem().is_empty(), "a certificate is sent with its key");
            format!("Certificate: {secret}, {} in its chain", chain.matches("BEGIN CERTIFICATE").count())
        }
        Resource::ProxySslSecret(ProxySslSecret { secret, certificate, authorities }) => {
            let count = |pem: &str| pem.matches("BEGIN CERTIFICATE").count();
            let chain = certificate.as_ref().map_or(0, |certificate| count(&certificate.chain));
            format!("ProxySslSecret: {secret}, {chain} in its chain, {} authorities", count(authorities))
        }
        Resource::Users(users) => {
            let kinds: Vec<String> =
                users.iter().map(|(name, hash)| format!("{name} {:?}", hash.kind())).collect();
            format!("Users: {} {}", users.id(), kinds.join(", "))
        }
    }
}

/// JSON without what is not set. Below the top, `false` is a wish like any other.
fn brief(value: &impl serde::Serialize) -> String {
    fn strip(value: &mut Value) {
        if let Value::Object(map) = value {
            map.values_mut().for_each(strip);
            map.retain(|_, value| !value.is_null());
        }
    }
    let mut value = serde_json::to_value(value).expect("plain data is JSON");
    strip(&mut value);
    if let Value::Object(map) = &mut value {
        map.retain(|_, value| *value != Value::Bool(false));
    }
    value.to_string()
}

fn json(settings: &Settings) -> serde_json::Value {
    let mut value = serde_json::to_value(settings).expect("settings are JSON");
    for shown in ["default_backend", "default_certificate"] {
        value[shown] = serde_json::Value::Null;
    }
    value
}

/// What differs from the defaults, by path.
fn differences(path: &str, default: &serde_json::Value, value: &serde_json::Value, text: &mut String) {
    if default == value {
        return;
    }
    match (default, value) {
        (serde_json::Value::Object(default), serde_json::Value::Object(value)) => {
            for (name, value) in value {
                differences(&format!("{path}/{name}"), &default[name], value, text);
            }
        }
        _ => {
            let _ = write!(text, ", {} = {value}", &path[1..]);
        }
    }
}

/// The lines that only one side has.
pub(crate) fn difference(expected: &str, actual: &str) -> String {
    let only = |sign: char, text: &str, other: &str| -> String {
        let other: Vec<&str> = other.lines().collect();
        let lines = text.lines().filter(|line| !other.contains(line));
        lines.map(|line| format!("  {sign} {line}\n")).collect()
    };
    only('-', expected, actual) + &only('+', actual, expected)
}
