//! What the gateway tells about its traffic: one access log line per request, and metrics.
//!
//! ```text
//!   request ──▶ Telemetry ──▶ AccessLog ──buffers──▶ writer thread ──▶ stdout
//!                   └───────▶ RouteStats (of the route), Metrics ──/metrics──▶ crate::admin
//! ```
//!
//! Nothing here waits for anybody, and nothing allocates once it is warm.

pub mod access_log;
pub mod metrics;
pub mod route_stats;

pub use access_log::{AccessLog, Record};
pub use metrics::{Identity, Metrics};
pub use route_stats::{RouteStatistics, RouteStats};

use crate::args::LogFormat;
use crate::drain::Drain;
use crate::filters::access_log::wants as access_log_of_route;
use crate::reason::Reason;
use crate::settings::LogSettings;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long leaving waits for a log that is not read.
const FLUSH_TIME: Duration = Duration::from_secs(2);

/// The access log and the metrics, shared by all cores.
#[derive(Debug)]
pub struct Telemetry {
    metrics: Metrics,
    log: AccessLog,
}

impl Telemetry {
    /// Starts the access log on standard output. `drain` knows the open connections.
    pub fn start(format: LogFormat, drain: Arc<Drain>) -> Arc<Self> {
        let metrics = Metrics::new(&Identity::from_environment(), drain);
        let log = AccessLog::stdout(format, metrics.dropped_lines.clone());
        Arc::new(Self { metrics, log })
    }

    /// Tells of a request that is over; it is logged as `log` says.
    pub fn request(&self, record: &Record<'_>, log: &LogSettings) {
        if let Some(route) = record.route {
            let stats = record.canary.map_or(&route.stats, |canary| &canary.stats);
            stats.observe(record.method, record.status, record.duration);
        }
        self.metrics.requests.inc();
        if let Some(reason) = record.reason {
            self.metrics.count(reason);
        }
        if access_log_of_route(record.route) && log.wants(record.target, record.unrouted) {
            self.log.record(record, log.format.as_ref());
        }
    }

    /// Tells of a connection or request that was refused before it had a host and a path.
    pub fn refused(&self, client: SocketAddr, tls: bool, reason: Reason, log: &LogSettings) {
        self.request(&Record::refused(client.ip(), tls, reason), log);
    }

    /// Counts a TLS handshake that came to nothing.
    pub fn handshake_failed(&self) {
        self.metrics.failed_handshakes.inc();
    }

    /// Counts a connection that was dropped for lack of a PROXY header.
    pub fn not_introduced(&self) {
        self.metrics.failed_proxy_headers.inc();
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Waits until what was logged so far is written, two seconds at most.
    pub fn flush(&self) {
        self.log.flush(FLUSH_TIME);
    }
}
