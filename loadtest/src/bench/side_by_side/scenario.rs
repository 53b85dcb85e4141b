//! The scenarios: a protocol, a size of answers, and who makes the load.

use crate::bench::contender::programs::tool;
use crate::bench::load::connection::get;
use crate::bench::load::{Outcome, h2load, handshakes, paced, wrk};
use crate::bench::site::{self, Ports, Size};
use crate::bench::{Failure, Result, system};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Connections of plain HTTP/1.1.
pub const CONNECTIONS: usize = 64;
/// Connections of HTTPS with keep-alive: fewer, because their handshakes fall into the run and count.
pub const TLS_CONNECTIONS: usize = 16;
/// New TLS connections at a time.
pub const HANDSHAKES: usize = 16;
/// Connections of HTTP/2, and requests at a time on each.
pub const H2: (usize, usize) = (16, 4);
/// Connections of the client that keeps a rate.
pub const PACED: usize = 32;

/// What is asked for, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// HTTP/1.1 with keep-alive, answers of 1 kB, up to 1,000 hosts in turn.
    Http1Small,
    /// The same with 100 kB.
    Http1Large,
    /// HTTPS with HTTP/1.1 and keep-alive, 1 kB.
    HttpsSmall,
    /// The same with 100 kB.
    HttpsLarge,
    /// HTTPS, a new connection with a full handshake for each request, 1 kB.
    HttpsNew,
    /// HTTP/2 over TLS, 1 kB.
    Http2Small,
    /// The same with 100 kB.
    Http2Large,
    /// HTTP/1.1 with keep-alive, 1 kB, at the same rate for all: latencies at equal load.
    Paced,
}

impl Scenario {
    /// As tables say it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Http1Small => "HTTP/1.1, 1 kB",
            Self::Http1Large => "HTTP/1.1, 100 kB",
            Self::HttpsSmall => "HTTPS keep-alive, 1 kB",
            Self::HttpsLarge => "HTTPS keep-alive, 100 kB",
            Self::HttpsNew => "HTTPS new connections, 1 kB",
            Self::Http2Small => "HTTP/2, 1 kB",
            Self::Http2Large => "HTTP/2, 100 kB",
            Self::Paced => "HTTP/1.1 at equal load, 1 kB",
        }
    }

    /// How large the answers are.
    pub fn size(self) -> Size {
        match self {
            Self::Http1Large | Self::HttpsLarge | Self::Http2Large => Size::Large,
            _ => Size::Small,
        }
    }

    /// Why it cannot run here, if it cannot.
    ///
    /// # Errors
    /// When its tool is not installed.
    pub fn check(self, tools: &Tools) -> Result<()> {
        match self {
            Self::Http1Small | Self::Http1Large | Self::HttpsSmall | Self::HttpsLarge => {
                tools.wrk().map(drop)
            }
            Self::Http2Small | Self::Http2Large => tools.h2load().map(drop),
            Self::HttpsNew | Self::Paced => Ok(()),
        }
    }

    /// Runs it.
    ///
    /// # Errors
    /// When its tool fails, or answers were shorter than they are.
    pub fn run(self, load: &Load<'_>) -> Result<Outcome> {
        let outcome = match self {
            Self::Http1Small | Self::Http1Large => load.wrk(false),
            Self::HttpsSmall | Self::HttpsLarge => load.wrk(true),
            Self::HttpsNew => Ok(load.handshakes(self.size())),
            Self::Http2Small | Self::Http2Large => load.h2load(),
            Self::Paced => Ok(load.paced()),
        }?;
        let least = outcome.requests * self.size().bytes() as u64;
        if outcome.bytes < least && self != Self::Paced {
            return Err(Failure::said(format!(
                "{}: {} answers had only {} bytes; something else than the backend answered",
                self.title(),
                outcome.requests,
                outcome.bytes
            )));
        }
        Ok(outcome)
    }
}

/// One run of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// Who makes it.
    pub tools: &'a Tools,
    /// Where files may be written.
    pub folder: &'a Path,
    /// Where the contender listens.
    pub ports: Ports,
    /// What to ask for.
    pub target: &'a str,
    /// Out of how many hosts.
    pub routes: usize,
    /// For how long.
    pub seconds: u64,
    /// Requests per second where the rate is kept.
    pub rate: u32,
}

impl Load<'_> {
    fn wrk(&self, tls: bool) -> Result<Outcome> {
        wrk::run(&wrk::Plan {
            program: self.tools.wrk()?,
            folder: self.folder,
            address: if tls { self.ports.https_address() } else { self.ports.http_address() },
            tls,
            target: self.target,
            routes: self.routes,
            connections: if tls { TLS_CONNECTIONS } else { CONNECTIONS },
            seconds: self.seconds,
        })
    }

    fn h2load(&self) -> Result<Outcome> {
        h2load::run(&h2load::Plan {
            program: self.tools.h2load()?,
            address: self.ports.https_address(),
            target: self.target,
            connections: H2.0,
            streams: H2.1,
            seconds: self.seconds,
        })
    }

    fn handshakes(&self, size: Size) -> Outcome {
        handshakes::run(&handshakes::Plan {
            address: self.ports.https_address(),
            target: self.target,
            bytes: size.bytes(),
            connections: HANDSHAKES,
            duration: Duration::from_secs(self.seconds),
        })
    }

    fn paced(&self) -> Outcome {
        let hosts = self.routes.clamp(1, 1_000);
        let step = (self.routes / hosts).max(1);
        let outcome = paced::run(&paced::Plan {
            address: self.ports.http_address(),
            rate: self.rate,
            connections: PACED,
            duration: Duration::from_secs(self.seconds),
            requests: (0..hosts).map(|number| get(&site::host(number * step), self.target)).collect(),
        });
        Outcome {
            requests: outcome.latencies.len() as u64,
            errors: outcome.failed as u64,
            seconds: self.seconds as f64,
            bytes: 0,
            latencies: outcome.latencies,
        }
    }
}

/// The programs that make load, as far as they are installed.
#[derive(Clone, Debug)]
pub struct Tools {
    wrk: Option<PathBuf>,
    h2load: Option<PathBuf>,
}

impl Tools {
    /// Looks for them on the PATH.
    pub fn find() -> Self {
        Self { wrk: tool("wrk", "").ok(), h2load: tool("h2load", "").ok() }
    }

    fn wrk(&self) -> Result<&Path> {
        self.wrk.as_deref().ok_or_else(|| Failure::said("wrk is not installed: apt-get install -y wrk"))
    }

    fn h2load(&self) -> Result<&Path> {
        self.h2load
            .as_deref()
            .ok_or_else(|| Failure::said("h2load is not installed: apt-get install -y nghttp2-client"))
    }

    /// What they are called and which versions they have.
    pub fn versions(&self) -> Vec<(String, String)> {
        [("wrk", &self.wrk, "-v"), ("h2load", &self.h2load, "--version")]
            .into_iter()
            .filter_map(|(name, path, flag)| {
                Some((name.to_owned(), system::version_of(path.as_ref()?, flag)))
            })
            .collect()
    }
}
