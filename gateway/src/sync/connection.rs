//! One connection to controller-sync: the preface, then batches in and acknowledgements out.

use super::SyncError;
use crate::live::{Batch, Change};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use ingora_config::wire::{FromGateway, FromSync, MAX_FRAME_BYTES, PREFACE_BYTES, Preface, decode, encode};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// How long the other side may take to greet, to go on with what it began, or to take an acknowledgement.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// The most one batch may hold, in bytes on the wire: a full state of a million routes fits.
const MAX_BATCH_BYTES: usize = 512 * 1024 * 1024;
/// The most sentences one acknowledgement carries.
const MAX_REFUSED: usize = 100;
/// The longest of them, in characters.
const MAX_SENTENCE: usize = 300;

pub(super) struct Connection {
    frames: Framed<UnixStream, LengthDelimitedCodec>,
    release: String,
    /// Whether the full state is in.
    synced: bool,
}

/// A batch that has begun to arrive.
#[derive(Default)]
struct Pending {
    full: bool,
    bytes: usize,
    changes: Vec<Change>,
    refused: Vec<String>,
}

impl Connection {
    pub(super) async fn open(socket: &Path) -> Result<Self, SyncError> {
        let mut stream = UnixStream::connect(socket)
            .await
            .map_err(|error| SyncError::Connect(socket.to_owned(), error))?;
        let greet = async {
            let (mut reader, mut writer) = stream.split();
            let (ours, mut theirs) = (Preface::ours().encode(), [0; PREFACE_BYTES]);
            let (sent, received) = tokio::join!(writer.write_all(&ours), reader.read_exact(&mut theirs));
            // A side that does not fit says who it is and hangs up: that is the better explanation, so it goes first.
            received?;
            let preface = Preface::check(&theirs)?;
            sent?;
            Ok::<_, SyncError>(preface)
        };
        let preface = timeout(PATIENCE, greet).await.map_err(|_| SyncError::Silent)??;
        let frames = LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME_BYTES).new_framed(stream);
        Ok(Self { frames, release: preface.release, synced: false })
    }

    /// The other side's release.
    pub(super) fn release(&self) -> &str {
        &self.release
    }

    /// Waits for the next batch as a whole, and says what of it cannot be read.
    ///
    /// There is no deadline for the start of a batch: the first waits until all sources are read, the others until
    /// there is something to say.
    pub(super) async fn batch(&mut self) -> Result<(Batch, Vec<String>), SyncError> {
        let mut pending = Pending::default();
        let mut began = false;
        loop {
            let patience = if began { PATIENCE } else { Duration::MAX };
            let frame = match timeout(patience, self.frames.next()).await {
                Ok(frame) => frame.ok_or(SyncError::Closed)??,
                Err(_) => return Err(SyncError::Silent),
            };
            began = true;
            if let Some(revision) = pending.take(&frame, self.synced)? {
                self.synced = true;
                let Pending { full, changes, refused, .. } = pending;
                return Ok((Batch { revision, full, changes }, refused));
            }
        }
    }

    pub(super) async fn acknowledge(
        &mut self,
        revision: u64,
        mut refused: Vec<String>,
    ) -> Result<(), SyncError> {
        refused.truncate(MAX_REFUSED);
        for sentence in &mut refused {
            if let Some((end, _)) = sentence.char_indices().nth(MAX_SENTENCE) {
                sentence.truncate(end);
            }
        }
        let ack = encode(&FromGateway::Ack { revision, refused })?;
        timeout(PATIENCE, self.frames.send(Bytes::from(ack))).await.map_err(|_| SyncError::Silent)??;
        Ok(())
    }
}

impl Pending {
    /// Takes a message in; the revision when it was the last of the batch.
    fn take(&mut self, frame: &[u8], synced: bool) -> Result<Option<u64>, SyncError> {
        self.bytes += frame.len();
        if self.bytes > MAX_BATCH_BYTES {
            return Err(SyncError::OutOfOrder("more than 512 MiB without a commit"));
        }
        let message = match decode::<FromSync>(frame) {
            Ok(message) => message,
            // In a full state, what is left out is not served, and says so. In a difference an older version would go
            // on being served unnoticed: there the connection is cut, and a full state follows.
            Err(error) if self.full => {
                self.refused.push(error.to_string());
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        if !synced && !self.full && message != FromSync::Begin {
            return Err(SyncError::OutOfOrder("a difference before the first full state"));
        }
        match message {
            FromSync::Begin => *self = Self { full: true, bytes: self.bytes, ..Self::default() },
            FromSync::Upsert(resource) => self.changes.push(Change::Upsert(resource)),
            FromSync::Remove(key) => self.changes.push(Change::Remove(key)),
            FromSync::Commit { revision } => return Ok(Some(revision)),
        }
        Ok(None)
    }
}
