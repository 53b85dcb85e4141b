//! `ingora sync`.

use super::outputs::OutputArguments;
use super::{Choice, LogFormat};
use crate::run::Config;
use clap::Args;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// The flags of `ingora sync`.
#[derive(Debug, Args)]
pub struct SyncArguments {
    /// A file or directory of manifests (*.yaml, *.yml, *.json, sub-directories included) to follow; may be repeated
    #[arg(long, env = "INGORA_MANIFESTS", value_name = "PATH", value_delimiter = ',')]
    pub manifests: Vec<PathBuf>,

    /// The Unix socket that gateways connect to
    #[arg(long, env = "INGORA_SOCKET", value_name = "PATH", default_value = "/run/ingora/sync.sock")]
    pub socket: PathBuf,

    /// Which objects count.
    #[command(flatten)]
    pub choice: Choice,

    /// The address of the health port
    #[arg(long, env = "INGORA_HEALTHZ_HOST", value_name = "IP", default_value = "127.0.0.1")]
    pub healthz_host: IpAddr,

    /// The port for /healthz, /readyz and /metrics; 0 takes a free one and logs it
    #[arg(long, env = "INGORA_HEALTHZ_PORT", value_name = "PORT", default_value_t = 10255)]
    pub healthz_port: u16,

    /// A DNS server for ExternalName Services, instead of those of /etc/resolv.conf; may be repeated
    #[arg(long, env = "INGORA_DNS_SERVER", value_name = "IP:PORT", value_delimiter = ',')]
    pub dns_server: Vec<SocketAddr>,

    /// The form of log lines
    #[arg(long, env = "INGORA_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// What is written into the cluster.
    #[command(flatten)]
    pub outputs: OutputArguments,

    /// Log more; twice, much more
    #[arg(short, long, env = "INGORA_VERBOSE", action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// There is nothing to read from.
#[derive(Debug, thiserror::Error)]
#[error("this release cannot read from a cluster yet; name a file or directory with --manifests PATH")]
pub struct NoSource;

impl SyncArguments {
    /// What the controller is to do.
    ///
    /// # Errors
    /// Without `--manifests`.
    pub fn config(&self) -> Result<Config, NoSource> {
        // An empty environment variable is an empty path.
        let named = self.manifests.iter().filter(|path| !path.as_os_str().is_empty());
        let manifests: Vec<_> = named.cloned().collect();
        if manifests.is_empty() {
            return Err(NoSource);
        }
        Ok(Config {
            manifests,
            socket: self.socket.clone(),
            health: SocketAddr::new(self.healthz_host, self.healthz_port),
            dns_servers: self.dns_server.clone(),
            options: self.choice.options(),
            outputs: self.outputs.options(),
        })
    }
}
