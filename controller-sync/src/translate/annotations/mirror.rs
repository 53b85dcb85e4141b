//! `mirror-target`, `mirror-host`, `mirror-request-body`: a copy of each request for somebody else.

use super::charset;
use super::reader::Reader;
use super::table::{OnBad, Risk, Row, Scope, Support};
use crate::translate::external_auth;
use crate::translate::value::{self, Invalid, Parsed};
use ingora_config::policy::Mirror;
use ingora_config::template::Part;
use ingora_config::{HostName, Template, Variable};

const COPIES: Support = Support::Differs(
    "copies never delay or change the answer, and are dropped when their target is too slow; no variable in the name of the target; \
     without a path, that of the request",
);

pub(super) const ROWS: &[Row] = &[
    Row::new("mirror-target", "mirror", Scope::Ingress, Risk::High, OnBad::Ignore, COPIES),
    Row::new("mirror-host", "mirror", Scope::Ingress, Risk::High, OnBad::Ignore, Support::Full),
    Row::new(
        "mirror-request-body",
        "mirror",
        Scope::Ingress,
        Risk::Low,
        OnBad::Ignore,
        Support::Differs("a request with a body of more than 1 MiB is not copied while this is on"),
    ),
];

const HINT: &str =
    "write http:// or https://, a name with or without a port, and a path: http://mirror.example$request_uri";

/// What the annotations of the feature ask for; `None` without a target that can be used.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Mirror> {
    let target = reader.parse("mirror-target", target);
    let host = reader.parse("mirror-host", host);
    let body = reader.parse("mirror-request-body", value::on_off).unwrap_or(true);
    if reader.text("mirror-target").is_none() {
        for name in ["mirror-host", "mirror-request-body"] {
            without_target(reader, name);
        }
    }
    let target = target?;
    let own_host =
        || Template::parse(&target.host).expect("names and addresses are printable and have no variables");
    Some(Mirror {
        host_header: host.unwrap_or_else(own_host),
        tls: target.tls,
        upstream: external_auth::upstream(&target.host, target.port),
        host: target.host,
        target: target.path,
        body,
    })
}

/// Tells of an annotation that says how to copy when nothing is copied.
fn without_target(reader: &mut Reader<'_, '_>, name: &str) {
    if reader.text(name).is_some() {
        let message = "nothing is copied, for there is no mirror-target".to_owned();
        reader.warn(name, message, "set mirror-target, or remove this one");
    }
}

/// A URL in its pieces.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    tls: bool,
    host: String,
    port: u16,
    path: Template,
}

fn target(text: &str) -> Parsed<Target> {
    // What ingress-nginx allows, which leaves out credentials, fragments and addresses of IPv6.
    charset::check(text, |byte| charset::has(byte, "-._~/:,?&=$ "))?;
    let invalid = |what: &str| Invalid::new(text, what, HINT);
    let (scheme, rest) = text.split_once("://").ok_or_else(|| invalid("is not a URL"))?;
    let tls =
        value::word(scheme, &[("http", false), ("https", true)]).map_err(|_| invalid("is not a URL"))?;
    let (authority, path) = rest.split_at(rest.find(['/', '?', '$']).unwrap_or(rest.len()));
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => {
            (host, value::number::<u16>(port, 1..=65_535).map_err(|_| invalid("has no port"))?)
        }
        None => (authority, if tls { 443 } else { 80 }),
    };
    let host = HostName::new(host).map_err(|_| invalid("does not name a host"))?;
    Ok(Target { tls, host: host.as_str().to_owned(), port, path: path_of(text, path)? })
}

/// What follows the port must begin a path, or a client could write more of the name: `http://mirror$host`.
fn path_of(text: &str, path: &str) -> Parsed<Template> {
    let path = if path.is_empty() { "$request_uri" } else { path };
    let template = Template::parse(path).map_err(|error| Invalid::new(text, &error.to_string(), HINT))?;
    if template.has_groups() {
        return Err(Invalid::new(text, "has a group, which only rewrite-target can have", HINT));
    }
    match template.parts().first() {
        Some(Part::Literal(text)) if text.starts_with(['/', '?']) => Ok(template),
        Some(Part::Variable(Variable::RequestUri | Variable::Uri)) => Ok(template),
        _ => Err(Invalid::new(text, "lets clients choose the host", HINT)),
    }
}

fn host(text: &str) -> Parsed<Template> {
    charset::check(text, charset::regex)?;
    let hint = "write a name, or the variables of docs/annotations/upstream_vhost.md";
    match Template::parse(text) {
        Ok(host) if host.has_groups() => {
            Err(Invalid::new(text, "has a group, which only rewrite-target can have", hint))
        }
        Ok(host) => Ok(host),
        Err(error) => Err(Invalid::new(text, &error.to_string(), hint)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_target_is_a_url_whose_host_no_client_chooses() {
        let read = |text: &str| {
            target(text).map(|target| (target.tls, target.host, target.port, target.path.as_str().to_owned()))
        };
        for (text, want) in [
            ("http://m.shop$request_uri", (false, "m.shop", 80, "$request_uri")),
            ("HTTPS://M.shop:8443/copy$uri?from=$host", (true, "m.shop", 8443, "/copy$uri?from=$host")),
            ("http://10.0.0.7", (false, "10.0.0.7", 80, "$request_uri")),
            ("http://m.shop?a=b", (false, "m.shop", 80, "?a=b")),
        ] {
            let (tls, host, port, path) = want;
            assert_eq!(read(text), Ok((tls, host.into(), port, path.into())), "{text}");
        }
        for text in [
            "m.shop",
            "ftp://m.shop",
            "http://",
            "http:///a",
            "http://$host/",
            "http://m$host/",
            "http://m:$arg_p/",
            "http://m.shop:0/",
            "http://m.shop:99999",
            "http://a@b/",
            "http://m.shop/$nothing",
            "http://m.shop/$1",
            "http://m.shop$arg_more",
            "//m.shop/",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_target_has_a_variable_in_its_host(text in "(http://)?[a-z$:/?.]{0,20}") {
            if let Ok(target) = target(&text) {
                prop_assert!(HostName::new(&target.host).is_ok());
                let begin = target.path.as_str();
                prop_assert!(begin.starts_with(['/', '?']) || begin.starts_with("$request_uri") || begin.starts_with("$uri"));
            }
        }
    }
}
