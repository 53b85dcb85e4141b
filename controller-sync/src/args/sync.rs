//! `ingora sync`.

use super::outputs::OutputArguments;
use super::{Choice, LogFormat};
use crate::run::{Config, Source};
use crate::source::cluster;
use crate::source::cluster::client::ClientOptions;
use clap::Args;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// The flags of `ingora sync`.
#[derive(Debug, Args)]
pub struct SyncArguments {
    /// A file or directory of manifests (*.yaml, *.yml, *.json, sub-directories included) to follow instead of a cluster;
    /// may be repeated
    #[arg(long, env = "INGORA_MANIFESTS", value_name = "PATH", value_delimiter = ',')]
    pub manifests: Vec<PathBuf>,

    /// Where the cluster is.
    #[command(flatten)]
    pub cluster: super::Cluster,

    /// Only serve Ingresses in namespaces with these labels, such as team=shop [default: all]
    #[arg(
        long,
        env = "INGORA_WATCH_NAMESPACE_SELECTOR",
        value_name = "LABELS",
        conflicts_with = "watch_namespace"
    )]
    pub watch_namespace_selector: Option<String>,

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

/// Both sources are named.
#[derive(Debug, thiserror::Error)]
#[error("--manifests and {0} exclude each other: objects come from files or from a cluster, not from both")]
pub struct TwoSources(&'static str);

impl SyncArguments {
    /// What the controller is to do.
    ///
    /// # Errors
    /// With `--manifests` and a flag that is about a cluster.
    pub fn config(&self) -> Result<Config, TwoSources> {
        let source = self.source()?;
        let files = matches!(source, Source::Manifests(_));
        Ok(Config {
            source,
            socket: self.socket.clone(),
            health: SocketAddr::new(self.healthz_host, self.healthz_port),
            dns_servers: self.dns_server.clone(),
            options: self.choice.options(files),
            outputs: self.outputs.options(),
        })
    }

    fn source(&self) -> Result<Source, TwoSources> {
        // An empty environment variable is an empty path.
        let named = self.manifests.iter().filter(|path| !path.as_os_str().is_empty());
        let manifests: Vec<_> = named.cloned().collect();
        let client: ClientOptions = self.cluster.options();
        let namespace_selector = self.watch_namespace_selector.clone().filter(|labels| !labels.is_empty());
        if manifests.is_empty() {
            let options = cluster::Options { namespace_selector, ..cluster::Options::default() };
            return Ok(Source::Cluster { client, options });
        }
        let about_a_cluster = [
            ("--kubeconfig", client.kubeconfig.is_some()),
            ("--apiserver-host", client.apiserver_host.is_some()),
            ("--watch-namespace-selector", namespace_selector.is_some()),
        ];
        match about_a_cluster.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(TwoSources(flag)),
            None => Ok(Source::Manifests(manifests)),
        }
    }
}
