//! Who the client is: the one function that decides it, for limits, lists, logs and headers alike.
//!
//! ```text
//!   client ──▶ CDN ──X-Forwarded-For: client──▶ balancer ──PROXY header: CDN──▶ gateway
//!                                                   │ peer: trusted? then the neighbour is who the PROXY header names
//!                         neighbour: trusted? ◀─────┘       (crate::front::proxy_protocol), else the peer
//!   who the header names, from the right, as long as who names it is trusted
//! ```
//!
//! Only `proxy-real-ip-cidr` makes an address trusted. Without trust nothing that a client says about itself counts.

use crate::authority;
use crate::networks::Networks;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use ingora_config::settings::ClientAddress;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

/// The chain of addresses unless `forwarded-for-header` names another header.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The host a client asked a trusted neighbour for.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// The port a client asked a trusted neighbour on.
pub const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
/// The scheme a client asked a trusted neighbour with.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The most addresses of a chain that are looked at. Behind that many trusted proxies nobody has a real client.
const MAX_HOPS: usize = 64;
/// The server port in a PROXY header that means HTTPS.
const HTTPS: u16 = 443;

/// The settings, ready for requests.
#[derive(Debug)]
pub struct Rule {
    /// Whether a header may name the client.
    named: bool,
    /// Whether scheme, host and port of a neighbour count.
    forwarded: bool,
    /// `compute-full-forwarded-for`.
    append: bool,
    trusted: Networks,
    /// `proxy-real-ip-cidr` is as it is by default: nobody said whom to trust.
    untouched: bool,
    header: HeaderName,
}

/// What a trusted neighbour said of how the client asked. All is empty where nobody is trusted.
#[derive(Clone, Debug, Default)]
pub struct Forwarded {
    /// X-Forwarded-Proto, any text.
    pub proto: Option<HeaderValue>,
    /// The first value of X-Forwarded-Host, a valid authority.
    pub host: Option<HeaderValue>,
    /// X-Forwarded-Port, any text.
    pub port: Option<HeaderValue>,
    /// The port the client connected to, as the PROXY header says.
    pub server_port: Option<u16>,
    /// Whether X-Forwarded-For is appended to instead of replaced.
    pub append: bool,
    /// Whether the neighbour is to be believed at all.
    pub trusted: bool,
}

impl Forwarded {
    /// The scheme the client used, as far as the gateway knows: `http`, `https`, or what a trusted neighbour wrote.
    pub fn scheme(&self, tls: bool) -> &str {
        if self.server_port == Some(HTTPS) {
            return "https";
        }
        let said = self.proto.as_ref().and_then(|proto| proto.to_str().ok());
        said.unwrap_or(if tls { "https" } else { "http" })
    }
}

impl Rule {
    /// Prepares the settings.
    pub fn new(settings: &ClientAddress) -> Self {
        Self {
            named: settings.use_forwarded_headers || settings.enable_real_ip,
            forwarded: settings.use_forwarded_headers,
            append: settings.use_forwarded_headers && settings.compute_full_forwarded_for,
            trusted: Networks::new(&settings.proxy_real_ip_cidr),
            untouched: settings.proxy_real_ip_cidr == ClientAddress::default().proxy_real_ip_cidr,
            header: HeaderName::try_from(&settings.forwarded_for_header).unwrap_or(X_FORWARDED_FOR),
        }
    }

    /// The header that names the chain of clients.
    pub fn header(&self) -> &HeaderName {
        &self.header
    }

    /// Who a connection is from and, if that is to be believed, which address it was made to: `source` and `server` are
    /// what its PROXY header says.
    pub fn neighbour(
        &self,
        peer: SocketAddr,
        source: SocketAddr,
        server: SocketAddr,
    ) -> (SocketAddr, Option<SocketAddr>) {
        let neighbour = if self.trusted.contains(peer.ip()) { source } else { peer };
        (neighbour, self.believes(peer.ip()).then_some(server))
    }

    /// Who asks, and how, as far as `neighbour` is to be believed; `server` is what its PROXY header said.
    pub fn read(
        &self,
        neighbour: IpAddr,
        server: Option<SocketAddr>,
        headers: &HeaderMap,
    ) -> (IpAddr, Forwarded) {
        let mut forwarded =
            Forwarded { server_port: server.map(|server| server.port()), ..Forwarded::default() };
        if self.forwarded && self.believes(neighbour) {
            forwarded.append = self.append;
            forwarded.trusted = true;
            forwarded.proto = text(headers, &X_FORWARDED_PROTO);
            forwarded.port = text(headers, &X_FORWARDED_PORT);
            forwarded.host = headers.get(&X_FORWARDED_HOST).and_then(first_host);
        }
        let client = if self.named { self.client(neighbour, headers) } else { neighbour };
        (client, forwarded)
    }

    /// Walks the chain from its right end to the first address that is not trusted, as nginx does with
    /// `real_ip_recursive`. What is no address ends it.
    fn client(&self, neighbour: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines = headers.get_all(&self.header).iter().rev();
        let named = lines.flat_map(|line| line.as_bytes().rsplit(|byte| matches!(byte, b',' | b' ' | b'\t')));
        let mut client = neighbour;
        for name in named.filter(|name| !name.is_empty()).take(MAX_HOPS) {
            match self.trusted.contains(client).then(|| address(name)).flatten() {
                Some(before) => client = before,
                None => break,
            }
        }
        client
    }

    /// Whether scheme, host and port of a neighbour count: those of trusted ones, or of all while `proxy-real-ip-cidr` is
    /// untouched. All of IPv4 is trusted then, and a balancer that speaks IPv6 must not end in a loop of redirects.
    fn believes(&self, neighbour: IpAddr) -> bool {
        self.untouched || self.trusted.contains(neighbour)
    }
}

/// An address, with or without a port.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port).or_else(bare).map(|address: IpAddr| address.to_canonical())
}

/// The value of a header that is text; several lines are one list (RFC 9110 section 5.3).
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let value = joined(headers, name)?;
    let is_text = value.to_str().is_ok_and(|text| !text.is_empty());
    is_text.then(|| value.into_owned())
}

/// All lines of a header as one. Allocates only when there are several.
pub fn joined<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<Cow<'h, HeaderValue>> {
    let mut lines = headers.get_all(name).iter();
    let (first, second) = (lines.next()?, lines.next());
    let Some(second) = second else { return Some(Cow::Borrowed(first)) };
    let mut all = first.as_bytes().to_vec();
    for line in std::iter::once(second).chain(lines) {
        all.extend_from_slice(b", ");
        all.extend_from_slice(line.as_bytes());
    }
    HeaderValue::from_bytes(&all).ok().map(Cow::Owned)
}

/// The first of the hosts, if it is one.
fn first_host(value: &HeaderValue) -> Option<HeaderValue> {
    let bytes = value.as_bytes();
    let first = bytes.split(|byte| *byte == b',').next()?.trim_ascii();
    authority::parse(first)?;
    if first.len() == bytes.len() { Some(value.clone()) } else { HeaderValue::from_bytes(first).ok() }
}

#[cfg(test)]
mod tests;
