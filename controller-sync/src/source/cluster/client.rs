//! The way to the API server: where it is, who we are there, and how both are found out again when they change.
//!
//! ```text
//!   request ─▶ Renewing ─▶ kube::Client (address, CA, credentials as last read) ─▶ API server
//!                 ▲                                   │
//!                 └── 401, or no connection: read them again ◀┘
//! ```
//!
//! Service account tokens, CA bundles and client certificates are files that others rotate. They are read again when
//! the API server refuses the old ones, so that every user of the client is spared a restart; a request that met a 401
//! is sent a second time with what was read.

use http_body_util::BodyExt as _;
use hyper::{Request, Response, StatusCode};
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::error::Error;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// How long a connection may take, TLS included.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// After a refusal, credentials are not read more often than this; after a failed connection, which they rarely are the
/// reason for, than that.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);
const FAILED_PAUSE: Duration = Duration::from_secs(5);

/// How long the rest of a refusal may take.
const DISCARD_LIMIT: Duration = Duration::from_secs(1);

/// Where Kubernetes tells a Pod about its API server (Kubernetes, "Accessing the Kubernetes API from a Pod").
const IN_CLUSTER: &str = "KUBERNETES_SERVICE_HOST";

/// The flags that say where the API server is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientOptions {
    /// `--kubeconfig`: instead of the variable `KUBECONFIG`, the service account of the Pod, or `~/.kube/config`, which
    /// are tried in this order.
    pub kubeconfig: Option<PathBuf>,
    /// `--apiserver-host`: a URL instead of the one that is found; without any credentials if there are none.
    pub apiserver_host: Option<String>,
}

/// There is no way to the API server; one sentence that says what to change.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nothing says where the API server is.
    #[error(
        "no Kubernetes API server to read from: name a kubeconfig with --kubeconfig PATH, or a directory of manifests with \
         --manifests PATH"
    )]
    Nowhere,
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig {origin} cannot be used: {why}; see --kubeconfig")]
    Kubeconfig {
        /// Which one.
        origin: String,
        /// Why.
        why: String,
    },
    /// The Pod's service account cannot be used.
    #[error(
        "the service account of this Pod cannot be used: {0}; set automountServiceAccountToken: true, or name a kubeconfig \
         with --kubeconfig PATH"
    )]
    ServiceAccount(String),
    /// `--apiserver-host` is no URL.
    #[error("--apiserver-host {0} is not a URL such as https://10.0.0.1:6443")]
    Host(String),
    /// The credentials cannot be used.
    #[error("the credentials for {url} cannot be used: {why}")]
    Credentials {
        /// The API server.
        url: String,
        /// Why.
        why: String,
    },
}

/// A client for the API server that renews its credentials. It sends no request by itself, so that an API server that is
/// not there is no error. Nothing is tried again for the caller, but for one 401: kube's own retries would
/// hide a refusal for minutes.
///
/// # Errors
/// When nothing says where the API server is, or that cannot be used.
///
/// # Panics
/// Outside of a tokio runtime.
pub async fn client(options: &ClientOptions) -> Result<Client, ClientError> {
    let (client, namespace) = build(options.clone()).await?;
    let current = Arc::new(Mutex::new(Current { client, since: Instant::now() }));
    let renewal = Arc::default();
    Ok(Client::new(Renewing { options: Arc::new(options.clone()), current, renewal }, namespace))
}

/// Reads everything anew. Credential plugins are programs, and kube waits for them.
async fn build(options: ClientOptions) -> Result<(Client, String), ClientError> {
    let handle = tokio::runtime::Handle::current();
    let built = tokio::task::spawn_blocking(move || handle.block_on(build_here(&options))).await;
    built.unwrap_or_else(|_| Err(ClientError::Nowhere))
}

async fn build_here(options: &ClientOptions) -> Result<(Client, String), ClientError> {
    let mut config = config(options).await?;
    config.connect_timeout = Some(CONNECT_LIMIT);
    config.default_retry = false;
    let (url, namespace) = (config.cluster_url.to_string(), config.default_namespace.clone());
    let client = Client::try_from(config);
    let client = client.map_err(|error| ClientError::Credentials { url, why: sentence(&error) })?;
    Ok((client, namespace))
}

async fn config(options: &ClientOptions) -> Result<Config, ClientError> {
    let found = find(options).await;
    let Some(host) = options.apiserver_host.as_deref().filter(|host| !host.is_empty()) else { return found };
    let url: hyper::Uri = host.parse().map_err(|_| ClientError::Host(host.to_owned()))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
        return Err(ClientError::Host(host.to_owned()));
    }
    match found {
        Ok(mut config) => {
            config.cluster_url = url;
            Ok(config)
        }
        Err(ClientError::Nowhere) => Ok(Config::new(url)),
        Err(other) => Err(other),
    }
}

async fn find(options: &ClientOptions) -> Result<Config, ClientError> {
    if let Some(path) = options.kubeconfig.as_ref().filter(|path| !path.as_os_str().is_empty()) {
        let origin = path.display().to_string();
        return from_kubeconfig(origin, Kubeconfig::read_from(path)).await;
    }
    match Kubeconfig::from_env() {
        Ok(None) => {}
        Ok(Some(kubeconfig)) => return from_kubeconfig("of $KUBECONFIG".into(), Ok(kubeconfig)).await,
        Err(error) => return from_kubeconfig("of $KUBECONFIG".into(), Err(error)).await,
    }
    if std::env::var_os(IN_CLUSTER).is_some() {
        return Config::incluster().map_err(|error| ClientError::ServiceAccount(sentence(&error)));
    }
    let home = std::env::home_dir().map(|home| home.join(".kube/config")).filter(|path| path.exists());
    let Some(path) = home else { return Err(ClientError::Nowhere) };
    from_kubeconfig(path.display().to_string(), Kubeconfig::read_from(&path)).await
}

async fn from_kubeconfig(
    origin: String,
    kubeconfig: Result<Kubeconfig, kube::config::KubeconfigError>,
) -> Result<Config, ClientError> {
    let unusable = |error: &kube::config::KubeconfigError| ClientError::Kubeconfig {
        origin: origin.clone(),
        why: sentence(error),
    };
    let kubeconfig = kubeconfig.map_err(|error| unusable(&error))?;
    let options = KubeConfigOptions::default();
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| unusable(&error))
}

/// An error with its causes in one line, each said once.
pub(super) fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !part.is_empty() && !text.contains(&part) {
            text = if text.is_empty() { part } else { format!("{text}: {part}") };
        }
        cause = error.source();
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

type BoxError = Box<dyn Error + Send + Sync>;

struct Current {
    client: Client,
    /// When its credentials were read.
    since: Instant,
}

/// Sends requests with the credentials there are now.
#[derive(Clone)]
struct Renewing {
    options: Arc<ClientOptions>,
    current: Arc<Mutex<Current>>,
    /// Held by whoever reads credentials, so that a crowd of failures reads them once.
    renewal: Arc<tokio::sync::Mutex<()>>,
}

impl Renewing {
    fn current(&self) -> (Client, Instant) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        (current.client.clone(), current.since)
    }

    /// Reads the credentials again unless somebody did since `used`, or within `pause`. Whether there are others now.
    async fn renew(&self, used: Instant, pause: Duration) -> bool {
        let _turn = self.renewal.lock().await;
        let (_, since) = self.current();
        if since != used {
            return true;
        }
        if since.elapsed() < pause {
            return false;
        }
        let built = build((*self.options).clone()).await;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.since = Instant::now();
        match built {
            Ok((client, _)) => {
                current.client = client;
                true
            }
            // Half a rotation, most likely: the old ones may still do, and the next failure tries again.
            Err(error) => {
                tracing::warn!("{error}");
                false
            }
        }
    }

    async fn send(self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let (client, used) = self.current();
        let (parts, body) = request.into_parts();
        let again = body.try_clone().map(|body| Request::from_parts(parts.clone(), body));
        match client.send(Request::from_parts(parts, body)).await {
            Ok(response) if response.status() == StatusCode::UNAUTHORIZED => {
                if !self.renew(used, REFUSED_PAUSE).await {
                    return Ok(response);
                }
                let Some(request) = again else { return Ok(response) };
                // The old answer is read to its end, so that its connection can be used again.
                let _ = tokio::time::timeout(DISCARD_LIMIT, response.into_body().collect()).await;
                Ok(self.current().0.send(request).await?)
            }
            Ok(response) => Ok(response),
            Err(error) => {
                // A new CA looks like a connection that cannot be made.
                self.renew(used, FAILED_PAUSE).await;
                Err(error.into())
            }
        }
    }
}

impl tower_service::Service<Request<Body>> for Renewing {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}
