//! The health port: `/healthz`, `/readyz`, `/metrics`. Plain HTTP/1.1, few connections, short limits.

use crate::metrics::Metrics;
use crate::publish::{Publisher, Standing};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

/// A gateway that needs longer than this for a revision makes the controller not ready.
const MAX_BEHIND: Duration = Duration::from_secs(1);

/// How many may ask at once, how long a request may take to arrive, and a connection may last.
const MAX_CONNECTIONS: usize = 64;
const REQUEST_LIMIT: Duration = Duration::from_secs(5);
const CONNECTION_LIMIT: Duration = Duration::from_secs(60);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The health port cannot be served.
#[derive(Debug, thiserror::Error)]
#[error(
    "the health port {address} cannot be used: {}; see --healthz-host and --healthz-port",
    crate::source::file::tree::sentence(source)
)]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

/// What the answers are made from.
#[derive(Clone)]
pub struct State {
    publisher: Publisher,
    metrics: Arc<Metrics>,
}

impl State {
    /// Answers from these.
    pub fn new(publisher: Publisher, metrics: Arc<Metrics>) -> Self {
        Self { publisher, metrics }
    }
}

/// Why the controller is not ready; `None` when it is.
fn not_ready(standing: &Standing) -> Option<String> {
    if standing.revision == 0 {
        return Some("not everything has been read yet".into());
    }
    let behind =
        |gateway: &&crate::publish::Gateway| gateway.behind.is_some_and(|behind| behind > MAX_BEHIND);
    match standing.gateways.iter().filter(behind).count() {
        0 => None,
        count => {
            let connected = standing.gateways.len();
            Some(format!("{count} of {connected} gateways have not acknowledged what is older than a second"))
        }
    }
}

/// Takes the port.
///
/// # Errors
/// When it is taken, or the address is not this machine's.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address, source })
}

/// Serves until the handle is dropped.
#[derive(Debug)]
pub struct Serving(AbortHandle);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves the health port in a task of its own.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn serve(listener: TcpListener, state: State) -> Serving {
    Serving(tokio::spawn(accept(listener, state)).abort_handle())
}

async fn accept(listener: TcpListener, state: State) {
    let seats = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let state = state.clone();
                tokio::spawn(async move {
                    // Whether the client waits for its answer or hangs up is its own business.
                    let _ = tokio::time::timeout(CONNECTION_LIMIT, converse(stream, state)).await;
                    drop(seat);
                });
            }
            // Out of file descriptors, most likely; trying again at once would burn a core.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn converse(stream: TcpStream, state: State) -> hyper::Result<()> {
    let service = service_fn(move |request| {
        let answer = answer(&request, &state);
        async move { Ok::<_, Infallible>(answer) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_LIMIT)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

fn answer(request: &Request<Incoming>, state: &State) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".into());
    }
    match request.uri().path() {
        "/healthz" => text(StatusCode::OK, "ok\n".into()),
        "/readyz" => match not_ready(&state.publisher.standing()) {
            None => text(StatusCode::OK, "ok\n".into()),
            Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        },
        "/metrics" => {
            let mut response = text(StatusCode::OK, state.metrics.text());
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS));
            response
        }
        _ => text(StatusCode::NOT_FOUND, "there is /healthz, /readyz and /metrics\n".into()),
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::Gateway;

    #[test]
    fn ready_means_read_and_taken_by_every_gateway() {
        let gateway = |behind| Gateway { acked: 1, behind };
        let standing = |revision, gateways| Standing { revision, gateways };
        assert!(not_ready(&standing(0, vec![])).is_some());
        assert_eq!(not_ready(&standing(1, vec![])), None);
        assert_eq!(not_ready(&standing(2, vec![gateway(None), gateway(Some(MAX_BEHIND / 2))])), None);
        let late = not_ready(&standing(2, vec![gateway(None), gateway(Some(MAX_BEHIND * 2))]));
        assert!(late.is_some_and(|why| why.starts_with("1 of 2")));
    }
}
