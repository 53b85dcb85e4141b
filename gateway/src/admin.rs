//! The admin port: health, metrics and what is configured, for operators and probes.
//!
//! | page | what |
//! | --- | --- |
//! | `/healthz` | 200 as long as the process lives |
//! | `/readyz` | 200 while there is a configuration, listeners serve it and the gateway is not leaving; else 503 |
//! | `/metrics` | OpenMetrics text |
//! | `/config` | what is served, as JSON, without keys |
//! | `/` | an index |
//!
//! It answers one request per connection, reads nothing but the head of it, and lets few in at a time: it is not for
//! strangers, but a stranger who gets at it must not be able to harm traffic either.

mod config;
mod exchange;

#[cfg(test)]
mod tests;

use crate::live::Live;
use crate::telemetry::Telemetry;
use exchange::{Answer, Body, Request};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Connections at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 32;
/// Pages at a time whose size depends on the configuration; each takes a thread while it is sent.
const LARGE_PAGES: usize = 4;
/// How long a request may take to arrive.
const READ_TIME: Duration = Duration::from_secs(5);
/// How long an answer may take to leave.
const WRITE_TIME: Duration = Duration::from_secs(60);
/// How long accepting rests when the process is out of file descriptors.
const REST: Duration = Duration::from_millis(100);

const INDEX: &str = "Ingora gateway\n\n/healthz  the process lives\n/readyz   it has a configuration and serves it\n\
                     /metrics  OpenMetrics\n/config   what is served, as JSON, without keys\n";

struct Admin {
    live: Arc<Live>,
    telemetry: Arc<Telemetry>,
    ready: Box<dyn Fn() -> bool + Send + Sync>,
    large_pages: Semaphore,
}

/// Serves the admin port for as long as it is polled. `ready` says whether listeners serve and the gateway is not
/// leaving. Belongs on a thread that serves no requests.
pub async fn serve(
    listener: std::net::TcpListener,
    live: Arc<Live>,
    telemetry: Arc<Telemetry>,
    ready: impl Fn() -> bool + Send + Sync + 'static,
) {
    let listener = match listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener)) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "no admin port"),
    };
    let large_pages = Semaphore::new(LARGE_PAGES);
    let admin = Arc::new(Admin { live, telemetry, ready: Box::new(ready), large_pages });
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&connections).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let admin = Arc::clone(&admin);
                tokio::spawn(async move {
                    let _place = place;
                    if let Err(error) = admin.connection(stream).await {
                        tracing::debug!(%error, "admin port");
                    }
                });
            }
            Err(_) => tokio::time::sleep(REST).await,
        }
    }
}

impl Admin {
    async fn connection(&self, mut stream: TcpStream) -> io::Result<()> {
        let answer = match timeout(READ_TIME, exchange::read(&mut stream)).await {
            Err(_) => return Ok(()),
            Ok(Err(exchange::ReadError::Io(error))) => return Err(error),
            Ok(Err(exchange::ReadError::Status(status))) => Answer::text(status, ""),
            Ok(Ok(request)) => return self.answer(&mut stream, &request).await,
        };
        timeout(WRITE_TIME, exchange::write(&mut stream, true, answer)).await?
    }

    async fn answer(&self, stream: &mut TcpStream, request: &Request) -> io::Result<()> {
        let large = matches!(request.path.as_str(), "/metrics" | "/config");
        // Held until the page is sent.
        let place = large.then(|| self.large_pages.try_acquire());
        let answer = match &place {
            // Whoever does not read its page must not make the probes wait.
            Some(Err(_)) => Answer::text(503, "too many pages of this size are being read, try again\n"),
            _ => self.page(&request.path),
        };
        timeout(WRITE_TIME, exchange::write(stream, request.with_body, answer)).await?
    }

    fn page(&self, path: &str) -> Answer {
        match path {
            "/" => Answer::text(200, INDEX),
            "/healthz" => Answer::text(200, "ok\n"),
            "/readyz" if !self.live.ready() => Answer::text(503, "not ready: no configuration yet\n"),
            "/readyz" if !(self.ready)() => Answer::text(503, "not ready: starting or leaving\n"),
            "/readyz" => Answer::text(200, "ok\n"),
            "/metrics" => {
                let (live, telemetry) = (Arc::clone(&self.live), Arc::clone(&self.telemetry));
                Answer {
                    status: 200,
                    content_type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
                    body: Body::Written(Box::new(move |page| {
                        telemetry.metrics().write(&live, &mut AsText(page)).map_err(io::Error::other)
                    })),
                }
            }
            "/config" => {
                let live = Arc::clone(&self.live);
                let body = Body::Written(Box::new(move |page| config::dump(&live, page)));
                Answer { status: 200, content_type: "application/json", body }
            }
            _ => Answer::text(404, "no such page\n"),
        }
    }
}

/// Bytes for those who write text.
struct AsText<'w>(&'w mut dyn io::Write);

impl fmt::Write for AsText<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_all(text.as_bytes()).map_err(|_| fmt::Error)
    }
}
