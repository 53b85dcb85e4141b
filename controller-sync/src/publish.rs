//! Publishing: what the gateways are told, over a Unix socket.
//!
//! ```text
//!   run.rs ─ publish(changes) ─▶ table.rs ── a bounded queue each ──▶ connection.rs ─▶ gateway
//!                                state, revision, who acked what ◀── acknowledgements ──┘
//!   socket.rs: the listening socket itself
//! ```
//!
//! A gateway gets the full state when it connects and differences from then on (`ingora_config::wire`). The loop never
//! waits for a gateway: one that does not take its data is cut, reconnects and starts with a full state.

use crate::metrics::Metrics;
use crate::translate::Change;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::UnixListener;

mod connection;
mod frame;
mod socket;
mod table;

pub use socket::{BindError, Socket};
pub use table::{Gateway, Standing};

use table::Table;

/// How many gateways may be connected at once.
const MAX_GATEWAYS: usize = 64;

/// Time limits of a connection. Only tests choose others.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the connect to the end of the peer's preface.
    pub preface: Duration,
    /// For the peer to take any byte of what waits for it.
    pub stall: Duration,
    /// How many publications may wait for one gateway.
    pub queue: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { preface: Duration::from_secs(5), stall: Duration::from_secs(10), queue: 1024 }
    }
}

/// The publisher: the state all gateways are to have, and the connections to them.
#[derive(Clone)]
pub struct Publisher {
    table: Arc<Table>,
}

impl Publisher {
    /// Binds the socket and serves it until the process ends; gateways may connect at once, and are told something
    /// with the first [`Publisher::publish`].
    ///
    /// # Errors
    /// When the socket cannot be bound, or another controller serves it.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn bind(path: &Path, limits: Limits, metrics: Arc<Metrics>) -> Result<(Self, Socket), BindError> {
        let (listener, socket) = socket::bind(path)?;
        let table = Arc::new(Table::new(limits, metrics));
        tokio::spawn(accept(listener, Arc::clone(&table)));
        Ok((Self { table }, socket))
    }

    /// Makes `changes` the next revision and hands it to every gateway. `since` is when the first of its causes
    /// was heard of. Returns the revision.
    pub fn publish(&self, changes: Vec<Change>, since: Instant) -> u64 {
        self.table.publish(changes, since)
    }

    /// Where the gateways stand.
    pub fn standing(&self) -> Standing {
        self.table.standing()
    }
}

async fn accept(listener: UnixListener, table: Arc<Table>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) if table.connections() < MAX_GATEWAYS => {
                let guest = table.arrive();
                tokio::spawn(connection::serve(stream, Arc::clone(&table), guest));
            }
            Ok(_) => tracing::warn!("a gateway was turned away: {MAX_GATEWAYS} are connected already"),
            Err(error) => {
                // Out of file descriptors, most likely; trying again at once would burn a core.
                tracing::error!("a gateway could not connect: {}", plain(&error));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn plain(error: &io::Error) -> String {
    crate::source::file::tree::sentence(error)
}
