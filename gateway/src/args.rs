//! The command line of `ingora-gateway`.

use clap::{Parser, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// How requests are spread over cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Runtime {
    /// One runtime, listener and connection pool per core: least CPU per request.
    PerCore,
    /// One runtime for all cores: better balance for few, long connections.
    Shared,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// One line of text.
    Text,
}

/// The data plane of Ingora: serves what `ingora sync` sends over the socket.
#[derive(Clone, Debug, Parser)]
#[command(version, max_term_width = 110)]
pub struct Args {
    /// The Unix socket of `ingora sync`.
    #[arg(long, env = "INGORA_SOCKET", default_value = "/run/ingora/sync.sock")]
    pub socket: PathBuf,

    /// Where to listen for HTTP; port 0 takes a free one.
    #[arg(long, env = "INGORA_HTTP_BIND", default_value = "0.0.0.0:8080")]
    pub http_bind: SocketAddr,

    /// Where to listen for HTTPS; port 0 takes a free one.
    #[arg(long, env = "INGORA_HTTPS_BIND", default_value = "0.0.0.0:8443")]
    pub https_bind: SocketAddr,

    /// Where /healthz, /readyz, /metrics, /config and the overview are served.
    #[arg(long, env = "INGORA_ADMIN_BIND", default_value = "127.0.0.1:10254")]
    pub admin_bind: SocketAddr,

    /// The port clients use for HTTP, as X-Forwarded-Port says it.
    #[arg(long, env = "INGORA_HTTP_PORT", default_value_t = 80)]
    pub http_port: u16,

    /// The port clients use for HTTPS, as X-Forwarded-Port says it.
    #[arg(long, env = "INGORA_HTTPS_PORT", default_value_t = 443)]
    pub https_port: u16,

    /// The path of load balancers' health checks on the ports of clients: 200 for hosts that no Ingress names. Empty answers
    /// none.
    #[arg(long, env = "INGORA_HEALTH_CHECK_PATH", default_value = "/healthz")]
    pub health_check_path: String,

    /// Threads that serve requests; 0 is the number of CPUs this container may use.
    #[arg(long, env = "INGORA_THREADS", default_value_t = 0)]
    pub threads: usize,

    /// How requests are spread over the threads.
    #[arg(long, env = "INGORA_RUNTIME", value_enum, default_value_t = Runtime::PerCore)]
    pub runtime: Runtime,

    /// Connections at a time; more are answered with 503. 0 derives it from the limit of open files.
    #[arg(long, env = "INGORA_MAX_CONNECTIONS", default_value_t = 0)]
    pub max_connections: usize,

    /// Seconds to go on serving, not ready, after SIGTERM: until Services and load balancers know.
    #[arg(long, env = "INGORA_LAME_DUCK", default_value_t = 10)]
    pub lame_duck: u64,

    /// Seconds requests in flight get after that.
    #[arg(long, env = "INGORA_DRAIN_TIMEOUT", default_value_t = 240)]
    pub drain_timeout: u64,

    /// Share the ports with another gateway on this machine (SO_REUSEPORT), for updates with the host's network.
    #[arg(long, env = "INGORA_REUSE_PORT")]
    pub reuse_port: bool,

    /// The form of the log and of the access log.
    #[arg(long, env = "INGORA_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// What to log besides the access log: error, warn, info, debug, trace, or tracing directives.
    #[arg(long, env = "INGORA_LOG_LEVEL", default_value = "info")]
    pub log_level: String,

    /// Overrides client-header-timeout, in seconds.
    #[arg(long, hide = true)]
    pub client_header_timeout: Option<u64>,
}
