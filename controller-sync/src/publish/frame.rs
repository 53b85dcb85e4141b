//! Frames to a gateway, gathered into few writes.
//!
//! The messages here borrow what `wire::FromSync` owns, so that a resource is shared by all connections and never
//! copied; the bytes are the same, which a test holds them to.

use crate::translate::Change;
use ingora_config::{Key, Resource, wire};
use serde::Serialize;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

/// What is gathered before it is written, in bytes; a larger frame is written alone.
const CHUNK_BYTES: usize = 64 * 1024;

/// `wire::FromSync`, borrowed.
#[derive(Serialize)]
pub(super) enum Message<'a> {
    Begin,
    Upsert(&'a Resource),
    Remove(&'a Key),
    Commit { revision: u64 },
}

impl<'a> From<&'a Change> for Message<'a> {
    fn from(change: &'a Change) -> Self {
        match change {
            Change::Upsert(resource) => Self::Upsert(resource),
            Change::Remove(key) => Self::Remove(key),
        }
    }
}

/// The writing half of a connection.
pub(super) struct FrameWriter<W> {
    inner: W,
    stall: Duration,
    /// May hold private keys, so it is wiped when dropped and never grows, which would leave copies.
    chunk: Zeroizing<Vec<u8>>,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    pub(super) fn new(inner: W, stall: Duration) -> Self {
        Self { inner, stall, chunk: Zeroizing::new(Vec::with_capacity(CHUNK_BYTES)) }
    }

    /// Adds one message; writes when enough has gathered. A resource that is too large for a frame is logged and sent
    /// as removed: the peer serves the rest and nothing outdated; with an error it would reconnect forever.
    pub(super) async fn add(&mut self, message: &Message<'_>) -> io::Result<()> {
        let payload = match wire::encode(message) {
            Ok(payload) => Zeroizing::new(payload),
            Err(error) => {
                tracing::error!("a part of the configuration is not sent to the gateway: {error}");
                let Message::Upsert(resource) = message else { return Ok(()) };
                let removal = wire::encode(&Message::Remove(&resource.key())).map_err(io::Error::other)?;
                Zeroizing::new(removal)
            }
        };
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?.to_be_bytes();
        if self.chunk.len() + length.len() + payload.len() > CHUNK_BYTES {
            self.flush().await?;
        }
        self.chunk.extend_from_slice(&length);
        if self.chunk.len() + payload.len() > CHUNK_BYTES {
            self.flush().await?;
            return self.write(&payload).await;
        }
        self.chunk.extend_from_slice(&payload);
        Ok(())
    }

    /// Writes what has gathered.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let mut chunk = std::mem::take(&mut self.chunk);
        let result = self.write(&chunk).await;
        chunk.clear();
        self.chunk = chunk;
        result
    }

    /// Writes all of `bytes`, as long as the peer takes some of it in time.
    async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = tokio::time::timeout(self.stall, self.inner.write(bytes)).await;
            match written.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "it takes nothing"))?? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => bytes = &bytes[count..],
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingora_config::wire::FromSync;

    #[test]
    fn borrowed_messages_have_the_bytes_of_the_wire_types() {
        let settings = Resource::Settings(Box::default());
        let key = Key::Settings;
        for (borrowed, owned) in [
            (Message::Begin, FromSync::Begin),
            (Message::Upsert(&settings), FromSync::Upsert(Box::new(settings.clone()))),
            (Message::Remove(&key), FromSync::Remove(key.clone())),
            (Message::Commit { revision: 7 }, FromSync::Commit { revision: 7 }),
        ] {
            assert_eq!(wire::encode(&borrowed).unwrap(), wire::encode(&owned).unwrap());
        }
    }
}
