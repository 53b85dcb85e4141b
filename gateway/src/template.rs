//! What templates of users (`ingora_config::Template`) stand for in one request.

use crate::proxy::Context;
use crate::request_path;
use crate::table::CompiledRoute;
use http::header::{COOKIE, HOST};
use http::{HeaderMap, HeaderValue, Version};
use ingora_config::pattern::Groups;
use ingora_config::template::Part;
use ingora_config::{Backend, Host, Template, Variable};
use pingora::http::RequestHeader;
use std::io::Write as _;

/// The longest text that a template may become, in bytes: one that names a long path hundreds of times is no honest one.
const MAX_BYTES: usize = 32 * 1024;

/// A template became longer than the most that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// What templates may speak of.
#[derive(Clone, Copy)]
pub struct Scope<'r> {
    /// The request as it came: its target has not been changed yet.
    pub request: &'r RequestHeader,
    /// What is known of it.
    pub ctx: &'r Context,
    /// The route it took.
    pub route: &'r CompiledRoute,
    /// What the groups of the route's path matched, where it has any.
    pub groups: Option<&'r Groups<'r>>,
}

impl<'r> Scope<'r> {
    /// Of a request that took a route.
    pub fn of(request: &'r RequestHeader, ctx: &'r Context) -> Option<Self> {
        ctx.route.as_deref().map(|route| Self { request, ctx, route, groups: None })
    }

    /// The value of a header. What variables bring passes as it is, except control characters, which are
    /// percent-encoded: nobody can make a second line of it.
    ///
    /// # Errors
    /// When it is too long.
    pub fn header(&self, template: &Template) -> Result<HeaderValue, TooLong> {
        let bytes = self.render(template)?;
        Ok(HeaderValue::from_bytes(&bytes).unwrap_or_else(|_| {
            let mut text = Vec::with_capacity(bytes.len() + 16);
            for byte in bytes {
                if byte.is_ascii_control() {
                    put(&mut text, &format_args!("%{byte:02X}"));
                } else {
                    text.push(byte);
                }
            }
            HeaderValue::from_bytes(&text).expect("a text without control characters is a header value")
        }))
    }
    /// The bytes a template stands for; nothing is escaped.
    ///
    /// # Errors
    /// When there are too many of them.
    pub fn render(&self, template: &Template) -> Result<Vec<u8>, TooLong> {
        let mut out = Vec::with_capacity(128);
        for part in template.parts() {
            self.put_part(part, &mut out);
            if out.len() > MAX_BYTES {
                return Err(TooLong);
            }
        }
        Ok(out)
    }

    /// The same in pieces, one for each part of the template.
    ///
    /// # Errors
    /// When there are too many bytes.
    pub fn render_each(&self, template: &Template, mut take: impl FnMut(&[u8])) -> Result<(), TooLong> {
        let (mut piece, mut length) = (Vec::with_capacity(128), 0);
        for part in template.parts() {
            piece.clear();
            self.put_part(part, &mut piece);
            length += piece.len();
            if length > MAX_BYTES {
                return Err(TooLong);
            }
            take(&piece);
        }
        Ok(())
    }

    fn put_part(&self, part: &Part, out: &mut Vec<u8>) {
        match part {
            Part::Literal(text) => out.extend_from_slice(text.as_bytes()),
            Part::Group(number) => {
                out.extend_from_slice(self.groups.map_or(b"", |groups| groups.get(*number)));
            }
            Part::Variable(variable) => self.put(variable, out),
        }
    }

    fn put(&self, variable: &Variable, out: &mut Vec<u8>) {
        let route = self.route;
        let target = self.request.raw_path();
        match variable {
            Variable::Host => out.extend_from_slice(self.ctx.host.as_bytes()),
            Variable::HttpHost => out.extend_from_slice(written_host(self.request)),
            Variable::Namespace => out.extend_from_slice(route.namespace().as_bytes()),
            Variable::IngressName => out.extend_from_slice(route.ingress().as_bytes()),
            Variable::ServiceName => out.extend_from_slice(route.service().as_bytes()),
            Variable::ServicePort => {
                if let Backend::Upstream(id) = &route.route.backend {
                    put(out, &id.port);
                }
            }
            Variable::LocationPath => out.extend_from_slice(route.path().as_bytes()),
            Variable::UpstreamName => out.extend_from_slice(route.upstream().as_bytes()),
            Variable::ServerName => match &route.route.key.host {
                Host::CatchAll => out.push(b'_'),
                host => put(out, host),
            },
            Variable::Scheme => {
                out.extend_from_slice(if self.ctx.tls { b"https".as_slice() } else { b"http" });
            }
            Variable::ClientScheme => out.extend_from_slice(self.ctx.scheme().as_bytes()),
            Variable::RequestMethod => out.extend_from_slice(self.request.method.as_str().as_bytes()),
            Variable::RequestUri => out.extend_from_slice(target),
            Variable::Uri => {
                let raw = split(target).0;
                let path = std::str::from_utf8(raw).ok().and_then(|raw| request_path::normalise(raw).ok());
                out.extend_from_slice(&request_path::bytes(&path.unwrap_or_default()));
            }
            Variable::EscapedRequestUri => escape(out, target),
            Variable::Args => out.extend_from_slice(split(target).1),
            Variable::IsArgs => out.extend_from_slice(if split(target).1.is_empty() { b"" } else { b"?" }),
            Variable::RemoteAddr => put(out, &self.ctx.client),
            Variable::RequestId => out.extend_from_slice(self.ctx.request_id.as_bytes()),
            Variable::Header(name) => put_header(out, self.request, name),
            Variable::Cookie(name) => {
                out.extend_from_slice(cookie(&self.request.headers, name).unwrap_or_default())
            }
            Variable::Arg(name) => out.extend_from_slice(argument(split(target).1, name).unwrap_or_default()),
        }
    }
}

/// Every value of a header, as one.
fn put_header(out: &mut Vec<u8>, request: &RequestHeader, name: &str) {
    for (index, value) in request.headers.get_all(name).iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(value.as_bytes());
    }
}

/// The value of the first cookie of this name (RFC 6265 section 4.2), whichever `Cookie` header has it.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.map(<[u8]>::trim_ascii).find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

/// The value of the first parameter of this name in a query.
fn argument<'q>(query: &'q [u8], name: &str) -> Option<&'q [u8]> {
    query.split(|byte| *byte == b'&').find_map(|pair| {
        let (key, value) = pair.split_at_checked(name.len())?;
        key.eq_ignore_ascii_case(name.as_bytes()).then(|| value.strip_prefix(b"=")).flatten()
    })
}

/// Escapes as nginx does for the value of a parameter: what stands for itself in no part of a URI is percent-encoded.
pub fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(*byte);
        } else {
            put(out, &format_args!("%{byte:02X}"));
        }
    }
}

fn put(out: &mut Vec<u8>, value: &impl std::fmt::Display) {
    write!(out, "{value}").expect("writing into a Vec cannot fail");
}

/// The path and the query of a target, without the `?` between them.
pub fn split(target: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'?', target) {
        Some(at) => (&target[..at], &target[at + 1..]),
        None => (target, b""),
    }
}

/// The authority as the client wrote it.
pub fn written_host(request: &RequestHeader) -> &[u8] {
    let target = request.uri.authority().filter(|_| request.version == Version::HTTP_2);
    let header = || request.headers.get(HOST).map(HeaderValue::as_bytes);
    target.map(|authority| authority.as_str().as_bytes()).or_else(header).unwrap_or_default()
}

/// A header value of these bytes: what is not visible ASCII is percent-encoded, so that it is valid whatever they are.
pub fn header_value(bytes: &[u8]) -> HeaderValue {
    let visible = |byte: &u8| matches!(byte, 0x21..=0x7E);
    if !bytes.iter().all(visible) {
        let mut text = Vec::with_capacity(bytes.len() * 3);
        for byte in bytes {
            if visible(byte) {
                text.push(*byte);
            } else {
                write!(text, "%{byte:02X}").expect("writing into a Vec cannot fail");
            }
        }
        return HeaderValue::from_bytes(&text).expect("visible ASCII is a header value");
    }
    HeaderValue::from_bytes(bytes).expect("visible ASCII is a header value")
}
