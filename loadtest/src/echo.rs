//! The echo backend: HTTP/1.1 and HTTP/2 with prior knowledge on one port, WebSocket on any path.
//!
//! ```text
//!   connection ──▶ answer ──▶ wishes (the query: status, size, delay, …)
//!                    │   └──▶ report (the JSON: what was received)
//!                    ├──────▶ websocket (Upgrade: websocket)
//!                    └──────▶ login (/oauth2/*)
//! ```

mod answer;
mod login;
mod report;
mod websocket;
mod wishes;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// The largest head that is read, bytes: more than any gateway lets through.
const MAX_HEAD_BYTES: usize = 256 * 1024;

/// Serves `listener` for ever; `name` is what the answers call this backend.
pub async fn serve(listener: TcpListener, name: String) {
    let name: Arc<str> = name.into();
    loop {
        let (stream, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            // Too many open files, or a client that left at once: neither is a reason to stop.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // A small answer must not wait for the delayed acknowledgement of the previous one.
        let _ = stream.set_nodelay(true);
        let name = Arc::clone(&name);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer::answer(request, Arc::clone(&name), remote));
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new()).max_buf_size(MAX_HEAD_BYTES).half_close(true);
            builder.http2().timer(TokioTimer::new()).max_header_list_size(MAX_HEAD_BYTES as u32);
            // Ends with an error when the client breaks off or when `reset=1` was asked for; both are its own doing.
            let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
        });
    }
}
