//! The values of external authentication, as annotations (`auth-*`) and the ConfigMap (`global-auth-*`) write them.
//!
//! ```text
//!   http://oauth2-proxy.auth.svc.cluster.local:4180/oauth2/auth ─▶ a Service port of the cluster: no DNS
//!   https://login.example.com/check                             ─▶ a host outside, resolved here (crate::dns)
//!   https://$host/oauth2/auth                                   ─▶ whoever serves the path on the client's own host
//! ```
//!
//! Any other variable in place of the host is refused: a client must not choose who decides about it (CVE-2025-24514 had
//! the same door).

use super::annotations::charset;
use super::quote::quoted;
use super::settings::headers_from::FRAMING;
use super::value::{self, Invalid, Parsed};
use crate::object::ConfigMap;
use crate::object::metadata::is_name;
use ingora_config::policy::{AuthDuration, AuthHeader, AuthMethod, AuthService, MAX_AUTH_HEADERS};
use ingora_config::{HostName, ServicePort, Template, UpstreamId};
use std::net::IpAddr;

/// The most entries of `auth-cache-duration`.
const MAX_DURATIONS: usize = 32;
/// What ingress-nginx caches when nobody says for how long.
pub(super) const DURATIONS: &str = "200 202 401 5m";
/// The parameter that says where to come back to.
pub(super) const REDIRECT_PARAM: &str = "rd";

/// What URLs have beside letters and digits.
fn of_url(byte: u8) -> bool {
    charset::basic(byte) || b",?&=".contains(&byte)
}

/// The same, with variables.
pub(super) fn of_template(byte: u8) -> bool {
    of_url(byte) || b"$ ".contains(&byte)
}

/// Who is asked, and the target of the question. `namespace` is what `$namespace` stands for, where there is an Ingress.
pub(super) fn url(text: &str, namespace: Option<&str>) -> Parsed<(AuthService, Template)> {
    charset::check(text, of_template)?;
    let invalid = |what: &str, hint: &str| Invalid::new(text, what, hint);
    let lower = text.to_ascii_lowercase();
    let (tls, start) = match () {
        () if lower.starts_with("https://") => (true, 8),
        () if lower.starts_with("http://") => (false, 7),
        () => return Err(invalid("does not start with http:// or https://", "write the whole URL")),
    };
    let rest = &text[start..];
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let target = match target {
        "" => "/".to_owned(),
        query if query.starts_with('?') => format!("/{query}"),
        path => path.to_owned(),
    };
    if text.contains(' ') {
        return Err(invalid("has a space", "leave it out"));
    }
    Ok((service(text, authority, tls, namespace)?, template(text, &target)?))
}

fn service(text: &str, authority: &str, tls: bool, namespace: Option<&str>) -> Parsed<AuthService> {
    let invalid = |what: &str, hint: &str| Invalid::new(text, what, hint);
    let authority = match namespace {
        Some(namespace) => authority.replace("$namespace", namespace),
        None => authority.to_owned(),
    };
    let (name, port) = match authority.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (&*authority, None),
    };
    let number = |port: &str| port.parse::<u16>().ok().filter(|port| *port > 0 && !authority.ends_with("::"));
    let port = match port {
        None => {
            if tls {
                443
            } else {
                80
            }
        }
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            number(port).ok_or_else(|| invalid("has no valid port", "write a port from 1 to 65535"))?
        }
        Some(_) => return Err(invalid("has no valid port", "write host or host:port")),
    };
    if name.contains('$') {
        let own = ["$host", "$http_host", "$best_http_host"].contains(&name);
        if own && matches!(port, 80 | 443) {
            return Ok(AuthService::ClientHost);
        }
        let what = "lets the client choose who decides about it: it has a variable in place of the host";
        return Err(invalid(what, "write a host, or $host alone for the client's own host"));
    }
    let host = name.trim_end_matches('.').to_ascii_lowercase();
    let known = host.parse::<IpAddr>().is_ok() || HostName::new(&host).is_ok();
    if !known {
        return Err(invalid("names no host", "write a DNS name or an IPv4 address"));
    }
    let id = upstream(&host, port);
    Ok(AuthService::Upstream { id, host, tls })
}

/// What a host and a port of a URL stand for: a Service port of the cluster, or a host outside of it.
pub(super) fn upstream(host: &str, port: u16) -> UpstreamId {
    of_cluster(host, port).unwrap_or_else(|| UpstreamId::outside(host, port))
}

/// The Service port that a name of the cluster's DNS stands for.
fn of_cluster(host: &str, port: u16) -> Option<UpstreamId> {
    let labels: Vec<&str> = host.split('.').collect();
    let ([service, namespace, "svc"] | [service, namespace, "svc", "cluster", "local"]) = labels[..] else {
        return None;
    };
    (is_name(service) && is_name(namespace)).then(|| UpstreamId {
        namespace: namespace.to_owned(),
        service: service.to_owned(),
        port: ServicePort::Number(port),
    })
}

/// A text with variables and no groups, which only `rewrite-target` can fill.
fn template(text: &str, template: &str) -> Parsed<Template> {
    let hint = "use the variables of docs/annotations/external_auth.md";
    match Template::parse(template) {
        Ok(template) if template.has_groups() => {
            Err(Invalid::new(text, "has a group, which only rewrite-target can have", hint))
        }
        Ok(template) => Ok(template),
        Err(error) => Err(Invalid::new(text, &error.to_string(), hint)),
    }
}

/// `auth-method`.
pub(super) fn method(text: &str) -> Parsed<AuthMethod> {
    use AuthMethod::{Delete, Get, Head, Options, Patch, Post, Put, Trace};
    let all = [Get, Head, Post, Put, Patch, Delete, Options, Trace].map(|method| (method.as_str(), method));
    if text.trim() == "CONNECT" {
        return Err(Invalid::new(text, "asks for a tunnel, not for an answer", "write GET or leave it out"));
    }
    let found = all.iter().find(|(name, _)| *name == text.trim()).map(|(_, method)| *method);
    found.ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        Invalid::new(text, "is not a method", format!("write one of {}", names.join(", ")))
    })
}

/// `auth-signin-redirect-param`.
pub(super) fn redirect_param(text: &str) -> Parsed<String> {
    charset::check(text, of_url)?;
    Ok(text.to_owned())
}

/// `auth-signin`, with the parameter that says where to come back to behind it unless it has that one already.
pub(super) fn signin(text: &str, param: &str) -> Parsed<Template> {
    charset::check(text, of_template)?;
    let query = text.split_once('?').map(|(_, query)| query).filter(|query| !query.is_empty());
    let has = |query: &str| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .any(|(name, value)| name == param && !value.is_empty())
    };
    let back = format!("{param}=$pass_access_scheme://$http_host$escaped_request_uri");
    let whole = match query {
        Some(query) if has(query) => text.to_owned(),
        Some(_) => format!("{text}&{back}"),
        None => format!("{}?{back}", text.trim_end_matches('?')),
    };
    template(text, &whole)
}

/// `auth-response-headers`.
pub(super) fn response_headers(text: &str) -> Parsed<Vec<String>> {
    let hint = "write names such as X-Auth-Request-User,X-Auth-Request-Email";
    let mut names: Vec<String> = Vec::new();
    for item in value::items(text) {
        let name = value::header_name(item)?;
        if FRAMING.contains(&name.as_str()) || name == "host" {
            return Err(Invalid::new(item, "is a header that the gateway alone sets", hint));
        }
        if !names.iter().any(|known| known == name.as_str()) {
            names.push(name.as_str().to_owned());
        }
    }
    if names.is_empty() {
        return Err(Invalid::new(text, "names no header", hint));
    }
    if names.len() > MAX_AUTH_HEADERS {
        return Err(Invalid::new(text, &format!("has more than {MAX_AUTH_HEADERS} names"), "shorten it"));
    }
    Ok(names)
}

/// `auth-request-redirect`.
pub(super) fn request_redirect(text: &str) -> Parsed<String> {
    charset::check(text, of_url)?;
    Ok(text.to_owned())
}

/// `auth-cache-key`.
pub(super) fn cache_key(text: &str) -> Parsed<Template> {
    charset::check(text, |byte| charset::has(byte, "-_${}"))?;
    template(text, text)
}

/// `auth-cache-duration`: statuses and how long answers with one of them hold, several with commas between them.
pub(super) fn durations(text: &str) -> Parsed<Vec<AuthDuration>> {
    let hint = "write such as 200 202 5m, 401 10s";
    let mut durations = Vec::new();
    for item in value::items(text) {
        let words: Vec<&str> = item.split_whitespace().collect();
        let Some((last, statuses)) = words.split_last() else { continue };
        let time =
            value::duration(last).map_err(|_| Invalid::new(item, "does not end with a duration", hint))?;
        // A shorter one than a second would hold for nobody.
        let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        // nginx' own meaning of a duration alone; redirects are no answers here.
        for status in if statuses.is_empty() { &["200"] } else { statuses } {
            let status = match *status {
                "any" => None,
                // A sign, which a number may have elsewhere, makes it longer.
                number => match number.parse::<u16>() {
                    Ok(code) if number.len() == 3 && (200..600).contains(&code) => Some(code),
                    _ => return Err(Invalid::new(item, "names something that is not a status", hint)),
                },
            };
            durations.push(AuthDuration { status, seconds });
        }
    }
    match durations.len() {
        0 => Err(Invalid::new(text, "is not a list of durations", hint)),
        count if count > MAX_DURATIONS => Err(Invalid::new(text, "names too many statuses", "shorten it")),
        _ => Ok(durations),
    }
}

/// `auth-proxy-set-headers`: what the ConfigMap of that name says.
pub(super) fn set_headers(map: &ConfigMap) -> Parsed<Vec<AuthHeader>> {
    let mut headers = Vec::new();
    for (name, text) in &map.data {
        let text = text.trim();
        if FRAMING.iter().any(|framing| framing.eq_ignore_ascii_case(name)) {
            return Err(Invalid::new(name, "is a header that the gateway alone sets", "remove it"));
        }
        let value = template(text, text)?;
        let header = AuthHeader::new(name, value);
        let header = header.map_err(|error| Invalid {
            message: format!("{}: {error}", quoted(name)),
            hint: "correct it".to_owned(),
        })?;
        headers.push(header);
    }
    if headers.len() > MAX_AUTH_HEADERS {
        let message = format!("it has more than {MAX_AUTH_HEADERS} headers");
        return Err(Invalid { message, hint: "shorten it".to_owned() });
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;
