//! One gateway: preface, full state, differences, acknowledgements.

use super::frame::{FrameWriter, Message};
use super::plain;
use super::table::{FullState, Guest, Publication, Seat, Table};
use futures_util::StreamExt as _;
use ingora_config::wire::{self, FromGateway, PREFACE_BYTES, Preface, PrefaceError};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

/// The largest frame a gateway may send, in bytes.
const MAX_FRAME_BYTES: usize = 64 * 1024;

/// How many refusals of one acknowledgement are logged, and how much of each.
const LOGGED_REFUSALS: usize = 20;
const LOGGED_CHARS: usize = 300;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("it does not introduce itself")]
    Silent,
    #[error(transparent)]
    Preface(#[from] PrefaceError),
    #[error("it closed the connection")]
    Closed,
    #[error("{}", plain(.0))]
    Io(#[from] io::Error),
    #[error("{0}")]
    Cut(&'static str),
    #[error("it sent what is not an acknowledgement: {0}")]
    Malformed(#[from] wire::CodecError),
    #[error("it acknowledged revision {0}, which it was never sent")]
    NeverSent(u64),
}

pub(super) async fn serve(stream: UnixStream, table: Arc<Table>, guest: Guest) {
    let end = match converse(stream, &table, guest).await {
        Err(end) => end,
        Ok(never) => match never {},
    };
    match end {
        End::Closed => tracing::info!("a gateway disconnected"),
        End::Io(error)
            if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) =>
        {
            tracing::info!("a gateway disconnected");
        }
        end => {
            table.metrics.gateways_cut.inc();
            tracing::warn!("the connection to a gateway was cut: {end}");
        }
    }
}

/// There is no such value: a connection only ends with an [`End`].
enum Never {}

async fn converse(mut stream: UnixStream, table: &Arc<Table>, mut guest: Guest) -> Result<Never, End> {
    let preface = tokio::time::timeout(table.limits.preface, introduce(&mut stream)).await;
    let theirs = preface.map_err(|_| End::Silent)??;
    let (read, write) = stream.into_split();
    let mut acks = Acks::new(read);
    tokio::select! {
        () = table.published() => {}
        // Nothing was sent, so there is nothing to acknowledge.
        early = acks.next() => return Err(early.map_or_else(|end| end, |(revision, _)| End::NeverSent(revision))),
    }
    let Seat { full, queue, cut } = table.join(&mut guest);
    tracing::info!(
        release = %theirs.release, resources = full.resources.len(), revision = full.revision, "a gateway connected"
    );
    tokio::select! {
        end = send(write, full, queue, table) => end,
        end = receive(acks, table, &guest) => end,
        why = cut => Err(End::Cut(why.unwrap_or("it is gone"))),
    }
}

async fn introduce(stream: &mut UnixStream) -> Result<Preface, End> {
    stream.write_all(&Preface::ours().encode()).await?;
    let mut theirs = [0; PREFACE_BYTES];
    match stream.read_exact(&mut theirs).await {
        Ok(_) => Ok(Preface::check(&theirs)?),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(End::Closed),
        Err(error) => Err(error.into()),
    }
}

async fn send(
    write: OwnedWriteHalf,
    full: FullState,
    mut queue: mpsc::Receiver<Arc<Publication>>,
    table: &Table,
) -> Result<Never, End> {
    let stalled = |error: io::Error| match error.kind() {
        io::ErrorKind::TimedOut => End::Cut("it does not take its data in time"),
        _ => End::Io(error),
    };
    let mut frames = FrameWriter::new(write, table.limits.stall);
    send_full(&mut frames, full).await.map_err(stalled)?;
    loop {
        let Some(publication) = queue.recv().await else { return Err(End::Cut("it is gone")) };
        send_difference(&mut frames, &publication).await.map_err(stalled)?;
    }
}

async fn send_full(frames: &mut FrameWriter<OwnedWriteHalf>, full: FullState) -> io::Result<()> {
    frames.add(&Message::Begin).await?;
    for resource in full.resources.values() {
        frames.add(&Message::Upsert(resource)).await?;
    }
    let revision = full.revision;
    // The table is ours alone again from here on, and is changed without a copy.
    drop(full);
    frames.add(&Message::Commit { revision }).await?;
    frames.flush().await
}

async fn send_difference(
    frames: &mut FrameWriter<OwnedWriteHalf>,
    publication: &Publication,
) -> io::Result<()> {
    for change in &publication.changes {
        frames.add(&Message::from(change)).await?;
    }
    frames.add(&Message::Commit { revision: publication.revision }).await?;
    frames.flush().await
}

async fn receive(mut acks: Acks, table: &Table, guest: &Guest) -> Result<Never, End> {
    loop {
        let (revision, refused) = acks.next().await?;
        let first = table.ack(guest, revision).ok_or(End::NeverSent(revision))?;
        if first {
            tracing::info!(revision, "the gateway serves what it was sent");
        }
        log_refusals(revision, &refused);
    }
}

fn log_refusals(revision: u64, refused: &[String]) {
    for sentence in refused.iter().take(LOGGED_REFUSALS) {
        let sentence: String = sentence.chars().filter(|c| !c.is_control()).take(LOGGED_CHARS).collect();
        tracing::error!(revision, "the gateway cannot use a part of it: {sentence}");
    }
    if refused.len() > LOGGED_REFUSALS {
        tracing::error!(revision, "and {} more parts", refused.len() - LOGGED_REFUSALS);
    }
}

/// The acknowledgements of one gateway.
struct Acks(FramedRead<OwnedReadHalf, LengthDelimitedCodec>);

impl Acks {
    fn new(read: OwnedReadHalf) -> Self {
        let codec = LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME_BYTES).new_codec();
        Self(FramedRead::new(read, codec))
    }

    async fn next(&mut self) -> Result<(u64, Vec<String>), End> {
        let frame = self.0.next().await.ok_or(End::Closed)??;
        let FromGateway::Ack { revision, refused } = wire::decode(&frame)?;
        Ok((revision, refused))
    }
}
