//! `Location` of redirects that the gateway makes itself, from what a client sent.
//!
//! ```text
//!   GET /dir     Host: shop.test        ─▶ http://shop.test/dir/        relative-redirects: /dir/
//!   GET /a/?b=1  Host: shop.test        ─▶ https://shop.test/a/?b=1     use-port-in-redirects: https://shop.test:443/a/?b=1
//! ```
//!
//! Whatever a client sends, the result is printable ASCII and names the host that was asked for: neither a line end nor
//! another host (`//evil.test`) can be smuggled in.

use crate::proxy::{Context, PublicPorts};
use crate::table::CompiledRoute;
use http::HeaderValue;

/// How redirects of a route are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// `relative-redirects`: without scheme and host.
    pub relative: bool,
    /// `use-port-in-redirects`: with the port.
    pub port: bool,
}

impl Style {
    /// What the route's Ingress says, else the ConfigMap.
    pub fn of(route: &CompiledRoute, ctx: &Context) -> Self {
        let own = &route.filters.https_redirect;
        let defaults = &ctx.table().settings().redirect;
        Self {
            relative: own.relative_redirects.unwrap_or(defaults.relative_redirects),
            port: own.use_port_in_redirects.unwrap_or(defaults.use_port_in_redirects),
        }
    }
}

/// To a target of the same host, given in pieces that start with a slash; by the connection's scheme, as nginx writes its own
/// redirects. A port that the scheme implies is left out.
pub fn here(style: Style, ports: &PublicPorts, ctx: &Context, target: &[&[u8]]) -> HeaderValue {
    let (scheme, port, implied) =
        if ctx.tls { ("https", &ports.https, "443") } else { ("http", &ports.http, "80") };
    // HTTP/1.0 knows requests without a host.
    if style.relative || ctx.host.is_empty() {
        return value(relative(target));
    }
    let port = (style.port && port != implied).then_some(port.as_str());
    let mut location = origin(scheme, &ctx.host, port);
    target.iter().for_each(|piece| push(&mut location, piece));
    value(location)
}

/// To HTTPS on the same host; `None` when the client named no host. With `port` the port always stands there, as in
/// ingress-nginx.
pub fn https(port: bool, ports: &PublicPorts, ctx: &Context, target: &[u8]) -> Option<HeaderValue> {
    if ctx.host.is_empty() {
        return None;
    }
    let mut location = origin("https", &ctx.host, port.then_some(ports.https.as_str()));
    push(&mut location, target);
    Some(value(location))
}

fn origin(scheme: &str, host: &str, port: Option<&str>) -> String {
    match port {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

/// One slash in front: browsers take two for the start of another host's name.
fn relative(target: &[&[u8]]) -> String {
    let mut location = String::new();
    target.iter().for_each(|piece| push(&mut location, piece));
    format!("/{}", location.trim_start_matches('/'))
}

/// A backslash is escaped as well: browsers take it for a slash.
fn push(location: &mut String, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b'\\' => location.push_str("%5C"),
            0x21..=0x7e => location.push(char::from(*byte)),
            other => location.push_str(&format!("%{other:02X}")),
        }
    }
}

fn value(location: String) -> HeaderValue {
    HeaderValue::try_from(location).expect("a host as routed and escaped bytes are printable ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ports() -> PublicPorts {
        PublicPorts { http: "80".into(), https: "443".into() }
    }

    fn asked(host: &str) -> Context {
        Context { host: host.into(), ..Context::new() }
    }

    #[test]
    fn a_port_is_named_on_request_and_where_it_says_something() {
        let odd = PublicPorts { http: "8080".into(), https: "8443".into() };
        let style = Style { port: true, ..Style::default() };
        let ctx = asked("a.test");
        assert_eq!(here(style, &ports(), &ctx, &[b"/a/"]), "http://a.test/a/");
        assert_eq!(here(style, &odd, &ctx, &[b"/a", b"/", b"?b=c"]), "http://a.test:8080/a/?b=c");
        assert_eq!(here(Style::default(), &odd, &ctx, &[b"/a/"]), "http://a.test/a/");
        assert_eq!(https(true, &ports(), &ctx, b"/").unwrap(), "https://a.test:443/");
        assert_eq!(https(false, &odd, &asked("[::1]"), b"").unwrap(), "https://[::1]");
    }

    #[test]
    fn without_a_host_a_redirect_is_relative_or_impossible() {
        assert_eq!(here(Style::default(), &ports(), &asked(""), &[b"/a/"]), "/a/");
        assert_eq!(https(false, &ports(), &asked(""), b"/a"), None);
    }

    #[test]
    fn no_other_host_can_be_smuggled_into_a_relative_redirect() {
        let style = Style { relative: true, ..Style::default() };
        for (target, want) in [
            ("//evil.test/a/", "/evil.test/a/"),
            ("/\\evil.test/", "/%5Cevil.test/"),
            ("///", "/"),
            ("/a?b=//c", "/a?b=//c"),
        ] {
            assert_eq!(here(style, &ports(), &asked("a.test"), &[target.as_bytes()]), want);
        }
    }

    proptest! {
        #[test]
        fn whatever_a_client_sends_stays_one_line_of_its_own_host(bytes: Vec<u8>, relative: bool, port: bool) {
            let target = [b"/".to_vec(), bytes].concat();
            let style = Style { relative, port };
            let mine = here(style, &ports(), &asked("a.test"), &[&target]);
            let to_https = https(port, &ports(), &asked("a.test"), &target).unwrap();
            for (location, prefix) in [(&mine, if relative { "/" } else { "http://a.test/" }), (&to_https, "https://a.test")] {
                let text = location.to_str().unwrap();
                prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
                prop_assert!(text.starts_with(prefix) && !text.contains('\\'), "{text:?}");
                prop_assert!(!text.starts_with("//"), "{text:?}");
            }
        }
    }
}
