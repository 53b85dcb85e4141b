//! What one request carries from phase to phase.

use crate::auth_tls::ClientCertificate;
use crate::client_address::Forwarded;
use crate::drain::{Busy, InFlight};
use crate::filters::compression::Compressor;
use crate::filters::error_pages::{self, Detour};
use crate::filters::external_auth::Verdict;
use crate::filters::rate_limit::{bandwidth::Pace, slots::Held};
use crate::mirror::Copy;
use crate::reason::Reason;
use crate::table::{CompiledRoute, RouteTable};
use crate::upstream::load::Busy as AtTarget;
use crate::upstream::{Group, Probing, Selection, Session, Target, Transport};
use bytes::Bytes;
use ingora_config::Protocol;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One request, from its header to its log line.
pub struct Context {
    /// When the header was complete.
    pub started: Instant,
    /// The one table this request sees. `None` only before the first phase.
    pub table: Option<Arc<RouteTable>>,
    /// The route it took.
    pub route: Option<Arc<CompiledRoute>>,
    /// The group that serves it: the route's own, or a canary's.
    pub group: Option<Arc<Group>>,
    /// Which of the route's canaries serves it; `None` when it is the primary.
    pub canary: Option<usize>,
    /// Whose request it is, as [`crate::client_address`] says.
    pub client: IpAddr,
    /// Who handed it to us: the client itself, or the last proxy before us.
    pub neighbour: IpAddr,
    /// What a trusted neighbour said of how the client asked.
    pub forwarded: Forwarded,
    /// Whether it came over TLS.
    pub tls: bool,
    /// Whether a certificate is configured for the host; only known of requests in clear text.
    pub has_certificate: bool,
    /// What is known of the client's certificate, on hosts that ask for one.
    pub client_certificate: Option<Box<ClientCertificate>>,
    /// The host without port, lower case, as routed.
    pub host: String,
    /// Its ID, as the upstream and the log see it; empty when none is made.
    pub request_id: String,
    /// Who proved to be a user of basic authentication.
    pub user: Option<Arc<str>>,
    /// Why the gateway answered itself or cut the request.
    pub reason: Option<Reason>,
    /// The endpoint of the current try.
    pub target: Option<Arc<Target>>,
    /// How the endpoint is chosen.
    pub selection: Selection,
    /// The client's session, where the route has sessions.
    pub session: Option<Session>,
    /// Whether the method may be repeated.
    pub idempotent: bool,
    /// Counts the request at its endpoint, where that matters.
    pub at_target: Option<AtTarget>,
    /// Endpoints that failed this request.
    pub failed: Vec<SocketAddr>,
    /// Tries so far.
    pub tries: u32,
    /// Whether a stale pooled connection was met already.
    pub stale: bool,
    /// Whether the request's ID was made here.
    pub made_request_id: bool,
    /// Counts an HTTP/2 request as in flight.
    pub in_flight: Option<InFlight<Arc<Busy>>>,
    /// When the current try started.
    pub try_started: Option<Instant>,
    /// How long its connection took.
    pub connect_time: Option<Duration>,
    /// How long it was until the upstream's header.
    pub header_time: Option<Duration>,
    /// Whether the client holds its body back until it gets a 100. If it gets another answer first, nobody knows
    /// whether the next bytes are the body or a request: the connection must end (RFC 9110 section 10.1.1).
    pub waits_for_continue: bool,
    /// Bytes of the body received.
    pub body_received: u64,
    /// Counts the request among those of its client, where their number is limited.
    pub held: Option<Held>,
    /// How fast the answer may go, where that is limited and its stream does not see to it.
    pub pace: Option<Pace>,
    /// What the service of external authentication said about it, where it was asked.
    pub external_auth: Option<Arc<Verdict>>,
    /// Whether no rule of an Ingress took it.
    pub unrouted: bool,
    /// The upstream answered with a status for which another endpoint is tried.
    pub unwanted: bool,
    /// When the first try started.
    pub first_try: Option<Instant>,
    /// Whether the connection to the upstream is old and gets no further request.
    pub last_on_connection: bool,
    /// Another backend than the route's answers.
    pub detour: Option<Box<Detour>>,
    /// Compresses the answer on its way.
    pub compressor: Option<Box<Compressor>>,
    /// The path that the endpoint of the current try sees, where it is logged (`enable-rewrite-log`); empty when it is not.
    pub rewritten: String,
    /// Its copy, while that waits for the body (`mirror-target`).
    pub copy: Option<Box<Copy>>,
}

impl Context {
    /// A request of which nothing is known yet. Allocates nothing.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            table: None,
            route: None,
            group: None,
            canary: None,
            client: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            neighbour: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            forwarded: Forwarded::default(),
            tls: false,
            has_certificate: false,
            client_certificate: None,
            host: String::new(),
            request_id: String::new(),
            user: None,
            reason: None,
            target: None,
            selection: Selection::RoundRobin,
            session: None,
            idempotent: false,
            at_target: None,
            failed: Vec::new(),
            tries: 0,
            stale: false,
            made_request_id: false,
            in_flight: None,
            try_started: None,
            connect_time: None,
            header_time: None,
            waits_for_continue: false,
            body_received: 0,
            held: None,
            pace: None,
            external_auth: None,
            unrouted: false,
            unwanted: false,
            first_try: None,
            last_on_connection: false,
            detour: None,
            compressor: None,
            rewritten: String::new(),
            copy: None,
        }
    }

    /// The pinned table.
    pub fn table(&self) -> &Arc<RouteTable> {
        self.table.as_ref().expect("the first phase pins the table before any other phase runs")
    }

    /// The scheme the client used: `http`, `https`, or any text that a trusted neighbour wrote. What redirects to HTTPS decide
    /// by.
    pub fn scheme(&self) -> &str {
        self.forwarded.scheme(self.tls)
    }

    /// Notes that the current try has a connection.
    pub fn connected(&mut self) {
        self.connect_time = self.try_started.map(|at| at.elapsed());
    }

    /// How long the next piece of the answer must wait (`limit-rate`).
    pub fn delay(&mut self, piece: Option<&Bytes>) -> Option<Duration> {
        let pace = self.pace.as_mut()?;
        pace.delay(piece.map_or(0, Bytes::len), Instant::now())
    }

    /// Whether this request may be the one that tries an endpoint which did not answer others.
    pub fn probing(&self) -> Probing {
        match (self.tries, self.idempotent) {
            (0, true) => Probing::Due,
            (0, false) => Probing::LongDue,
            _ => Probing::Never,
        }
    }

    /// Notes that the current try's endpoint did not answer.
    pub fn target_failed(&self, reason: Reason) {
        let (Some(group), Some(target)) = (&self.group, &self.target) else { return };
        if self.selection == Selection::Service {
            return;
        }
        group.failed(target, reason.label());
        if let (Some(_), Some(started), Reason::UpstreamTimeout | Reason::ConnectTimeout) =
            (&self.at_target, self.try_started, reason)
        {
            target.load.observe(started.elapsed());
        }
    }

    /// Notes that the current try's endpoint answered.
    pub fn target_answered(&self) {
        let (Some(group), Some(target)) = (&self.group, &self.target) else { return };
        group.answered(target);
        if let (Some(_), Some(started)) = (&self.at_target, self.try_started) {
            target.load.observe(started.elapsed());
        }
    }

    /// Notes that the current try's endpoint is of no use for this request.
    pub fn exclude_target(&mut self) {
        // It stays for the log, which names the last endpoint that was tried.
        if let Some(target) = &self.target {
            self.failed.push(target.address);
        }
    }

    /// Whether a broken connection from the pool may be forgiven: once, and only where one connection carries one
    /// request. A request that breaks every connection must not get new ones without end.
    pub fn may_be_stale(&self) -> bool {
        !self.stale && self.protocol() == Some(Protocol::Http1)
    }

    /// What the endpoint of the current try is spoken to in, over TLS or not.
    pub fn protocol(&self) -> Option<Protocol> {
        let target = self.target.as_ref()?;
        Some(self.transport().map_or(target.protocol, Transport::protocol))
    }

    /// How the route wants its endpoints spoken to; `None` is as the Service says. Whoever serves error pages is none of its
    /// endpoints.
    pub fn transport(&self) -> Option<&Transport> {
        if error_pages::asks_for_page(self) {
            return None;
        }
        self.route.as_ref()?.transport.as_deref()
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}
