//! The client of the socket: keeps the configuration in step with controller-sync.
//!
//! ```text
//!   connect ─▶ preface both ways ─▶ full state ─▶ differences … ─▶ (cut) ─▶ wait, longer each time ─▶ connect
//! ```
//!
//! While there is no connection the gateway serves what it has. The other side is one of ours, but a broken one must not
//! take the gateway with it: everything it sends is bounded, and whatever is out of order cuts the connection.

mod backoff;
mod connection;

#[cfg(test)]
mod tests;

use crate::live::Live;
use backoff::Backoff;
use connection::Connection;
use ingora_config::wire::PrefaceError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
enum SyncError {
    #[error("cannot connect to {0}: {1}")]
    Connect(PathBuf, io::Error),
    #[error(transparent)]
    Preface(#[from] PrefaceError),
    #[error("controller-sync did not answer within {} seconds", connection::PATIENCE.as_secs())]
    Silent,
    #[error("controller-sync closed the connection")]
    Closed,
    #[error("the connection to controller-sync broke: {0}")]
    Io(#[from] io::Error),
    #[error("controller-sync sent something that cannot be read: {0}")]
    Malformed(#[from] ingora_config::wire::CodecError),
    #[error("controller-sync sent {0}")]
    OutOfOrder(&'static str),
}

/// Keeps `live` in step with whoever listens on `socket`, for as long as it is polled. Applies batches on the thread that
/// polls it, so it belongs on one that serves no requests.
pub async fn run(socket: PathBuf, live: Arc<Live>) {
    let mut backoff = Backoff::default();
    let mut told = String::new();
    loop {
        let error = match follow(&socket, &live, &mut backoff, &mut told).await {
            Ok(never) => match never {},
            Err(error) => error.to_string(),
        };
        // Once per cause: an outage must not fill the log.
        if error != told {
            let serving = live.revision();
            tracing::warn!(%error, serving, "no connection to controller-sync; serving what there is, trying again");
            told = error;
        }
        tokio::time::sleep(backoff.next()).await;
    }
}

/// One connection, from its start to its end.
async fn follow(
    socket: &Path,
    live: &Live,
    backoff: &mut Backoff,
    told: &mut String,
) -> Result<std::convert::Infallible, SyncError> {
    let mut connection = Connection::open(socket).await?;
    let mut fresh = true;
    loop {
        let (batch, mut refused) = connection.batch().await?;
        let revision = batch.revision;
        refused.extend(live.apply(batch));
        for sentence in &refused {
            tracing::warn!(revision, problem = %sentence, "cannot use a resource; serving the rest");
        }
        connection.acknowledge(revision, refused).await?;
        if std::mem::take(&mut fresh) {
            tracing::info!(revision, release = connection.release(), "in step with controller-sync");
            *backoff = Backoff::default();
            told.clear();
        } else {
            tracing::debug!(revision, "new configuration");
        }
    }
}
