//! The command line of `ingora`. Every flag has an environment variable, and `--help` says the default.

use crate::source::cluster::client::ClientOptions;
use clap::{Args, Parser, Subcommand, ValueEnum};
use ingora_config::NamespacedName;
use std::path::PathBuf;

pub mod check;
pub mod outputs;
pub mod sync;

/// The controller of Ingora: reads Kubernetes objects and tells the gateway what to serve.
#[derive(Debug, Parser)]
#[command(name = "ingora", version, about, max_term_width = 110)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Follow Kubernetes objects and feed the gateway.
    Sync(Box<sync::SyncArguments>),
    /// Say what would happen to these objects, problem by problem.
    Check(Box<check::CheckArguments>),
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The flags that choose and interpret objects, the same for every command.
#[derive(Debug, Args)]
pub struct Choice {
    /// The spec.controller of the IngressClasses that are ours [default: ingora.io/ingress-controller]
    #[arg(long, env = "INGORA_CONTROLLER_CLASS", value_name = "NAME")]
    pub controller_class: Option<String>,

    /// The value of the annotation kubernetes.io/ingress.class that is ours, and the name of the IngressClass that
    /// need not exist among manifests [default: ingora]
    #[arg(long, env = "INGORA_INGRESS_CLASS", value_name = "NAME")]
    pub ingress_class: Option<String>,

    /// Also serve Ingresses that name no class
    #[arg(long, env = "INGORA_WATCH_INGRESS_WITHOUT_CLASS", default_value_t = false,
          num_args = 0..=1, default_missing_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    pub watch_ingress_without_class: bool,

    /// Only serve Ingresses of this namespace [default: all]
    #[arg(long, env = "INGORA_WATCH_NAMESPACE", value_name = "NAMESPACE")]
    pub watch_namespace: Option<String>,

    /// The Service that gets requests no route takes; its first port [default: answer 404]
    #[arg(long, env = "INGORA_DEFAULT_BACKEND_SERVICE", value_name = "NS/NAME")]
    pub default_backend_service: Option<NamespacedName>,

    /// The TLS Secret served to clients that ask for no known host [default: a self-made certificate]
    #[arg(long, env = "INGORA_DEFAULT_SSL_CERTIFICATE", value_name = "NS/NAME")]
    pub default_ssl_certificate: Option<NamespacedName>,

    /// The ConfigMap of gateway-wide settings; its keys are those of ingress-nginx [default: none]
    #[arg(long, env = "INGORA_CONFIGMAP", value_name = "NS/NAME")]
    pub configmap: Option<NamespacedName>,

    /// The prefix of the annotations that are read
    #[arg(
        long,
        env = "INGORA_ANNOTATIONS_PREFIX",
        value_name = "PREFIX",
        default_value = "nginx.ingress.kubernetes.io"
    )]
    pub annotations_prefix: String,

    /// Do not serve Ingresses that have a spec.defaultBackend
    #[arg(long, env = "INGORA_DISABLE_CATCH_ALL", default_value_t = false,
          num_args = 0..=1, default_missing_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    pub disable_catch_all: bool,

    /// Act on the annotation ssl-passthrough: TLS for such hosts goes to their Service unopened
    #[arg(long, env = "INGORA_ENABLE_SSL_PASSTHROUGH", default_value_t = false,
          num_args = 0..=1, default_missing_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    pub enable_ssl_passthrough: bool,
}

/// The flags that say where the cluster is.
#[derive(Debug, Args)]
pub struct Cluster {
    /// The kubeconfig that says where the cluster is and who we are there [default: $KUBECONFIG, else the Pod's service
    /// account, else ~/.kube/config]
    #[arg(long, env = "INGORA_KUBECONFIG", value_name = "PATH")]
    pub kubeconfig: Option<PathBuf>,

    /// The URL of the API server [default: as found with the credentials]
    #[arg(long, env = "INGORA_APISERVER_HOST", value_name = "URL")]
    pub apiserver_host: Option<String>,
}

impl Cluster {
    fn options(&self) -> ClientOptions {
        // An empty environment variable is none.
        ClientOptions {
            kubeconfig: self.kubeconfig.clone().filter(|path| !path.as_os_str().is_empty()),
            apiserver_host: self.apiserver_host.clone().filter(|host| !host.is_empty()),
        }
    }
}

impl Choice {
    /// The options for objects from files or from a cluster.
    fn options(&self, files: bool) -> crate::store::Options {
        let defaults = crate::store::Options::default();
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        crate::store::Options {
            controller_class: filled(&self.controller_class).unwrap_or(defaults.controller_class),
            ingress_class: filled(&self.ingress_class).unwrap_or(defaults.ingress_class),
            watch_ingress_without_class: self.watch_ingress_without_class,
            watch_namespace: filled(&self.watch_namespace),
            default_backend_service: self.default_backend_service.clone(),
            default_ssl_certificate: self.default_ssl_certificate.clone(),
            configmap: self.configmap.clone(),
            annotations_prefix: self.annotations_prefix.trim_end_matches('/').to_owned(),
            disable_catch_all: self.disable_catch_all,
            enable_ssl_passthrough: self.enable_ssl_passthrough,
            allow_loopback_endpoints: files,
            classes_elsewhere: files,
        }
    }
}
