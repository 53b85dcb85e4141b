//! What is told of a request.

use crate::filters::canary::CanaryBackend;
use crate::reason::Reason;
use crate::table::CompiledRoute;
use http::HeaderMap;
use std::net::IpAddr;
use std::time::Duration;

/// One request that is over. Of its headers only `User-Agent` is written, unless the operator's own format names others.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Whose request it was.
    pub client: IpAddr,
    /// Who proved to be a user of basic authentication; empty when nobody did.
    pub user: &'a str,
    /// The method, as sent.
    pub method: &'a str,
    /// Whether it came over TLS.
    pub tls: bool,
    /// The host it was routed by.
    pub host: &'a str,
    /// The path as sent, without the query.
    pub path: &'a str,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`.
    pub protocol: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// Why the gateway answered itself or cut the request; `None` when the upstream answered.
    pub reason: Option<Reason>,
    /// The status that an error page or a default backend answers in place of.
    pub error_status: Option<u16>,
    /// The route it took.
    pub route: Option<&'a CompiledRoute>,
    /// The canary of the route that served it.
    pub canary: Option<&'a CanaryBackend>,
    /// The endpoint of the last try.
    pub upstream_address: Option<&'a str>,
    /// How many endpoints were tried.
    pub tries: u32,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// From the end of the request's header to the end of the answer.
    pub duration: Duration,
    /// How long connecting took in the last try.
    pub connect_time: Option<Duration>,
    /// From the start of the last try to the upstream's header.
    pub header_time: Option<Duration>,
    /// The request's ID; empty when it has none.
    pub request_id: &'a str,
    /// The `User-Agent`, as sent; empty when there is none.
    pub user_agent: &'a str,
    /// From the start of the last try to the end of the answer, where an upstream answered.
    pub upstream_time: Option<Duration>,
    /// The target as sent, query included: it decides whether the request is logged, and is never written.
    pub target: &'a str,
    /// Whether no rule took it.
    pub unrouted: bool,
    /// The path that the last endpoint saw, where its route wants that logged and it is not that of the request; else empty.
    pub rewritten: &'a str,
    /// The request's headers, for a log format of the operator's own.
    pub request_headers: Option<&'a HeaderMap>,
    /// The answer's headers, alike.
    pub response_headers: Option<&'a HeaderMap>,
}

impl Record<'_> {
    /// A request that was refused before anything of it was known.
    pub fn refused(client: IpAddr, tls: bool, reason: Reason) -> Self {
        Self {
            client,
            user: "",
            method: "",
            tls,
            host: "",
            path: "",
            protocol: "",
            status: reason.status(),
            reason: Some(reason),
            error_status: None,
            route: None,
            canary: None,
            upstream_address: None,
            tries: 0,
            bytes_in: 0,
            bytes_out: 0,
            duration: Duration::ZERO,
            connect_time: None,
            header_time: None,
            request_id: "",
            user_agent: "",
            upstream_time: None,
            target: "",
            unrouted: false,
            rewritten: "",
            request_headers: None,
            response_headers: None,
        }
    }
}
