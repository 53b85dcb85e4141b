//! The file source: directories and files of manifests, read once and then followed.
//!
//! ```text
//!   kernel ─▶ watch.rs ─▶ paths ─┐
//!   timer (look again) ──────────┼─▶ follow.rs ─▶ document.rs ─▶ catalog.rs ─▶ Event
//!   tree.rs (list, compare) ─────┘   what to read   text → objects  who wins
//! ```
//!
//! It runs on a thread of its own, since files are read with blocking calls. One changed file costs reading that
//! file, whatever else there is.

use crate::source::{Batch, Event};
use document::{Format, MAX_FILE_BYTES, Unreadable};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

pub mod catalog;
pub mod document;
mod follow;
pub mod tree;
mod value;
mod watch;

use catalog::{Catalog, Content};
use tree::{Fingerprint, Root};

/// A `--manifests` path, or one given to `ingora check`, cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}", path = path.display())]
pub struct UnusablePath {
    path: PathBuf,
    why: String,
}

/// Starts following `paths`. The thread ends when the receiver of `events` is gone.
///
/// # Errors
/// When one of the paths does not exist or cannot be read; later on, that is a problem and not an error.
pub fn follow(paths: &[PathBuf], events: mpsc::Sender<Batch>) -> Result<(), UnusablePath> {
    let roots = roots(paths)?;
    let thread = std::thread::Builder::new().name("manifests".into());
    let started = thread.spawn(move || follow::Follower::new(roots, events).run());
    started.map(drop).map_err(|error| UnusablePath {
        path: paths.first().cloned().unwrap_or_default(),
        why: format!("no thread to read it: {error}"),
    })
}

/// Reads `paths` once: the events of a source that then ends.
///
/// # Errors
/// When one of the paths does not exist or cannot be read.
pub fn read_once(paths: &[PathBuf]) -> Result<Vec<Event>, UnusablePath> {
    let roots = roots(paths)?;
    let mut catalog = Catalog::default();
    let mut events = Vec::new();
    for root in &roots {
        let listing = tree::list(&root.absolute, true, &mut |_, _| ());
        for (path, why) in listing.failed {
            let shown = tree::show(&roots, &path);
            events.extend(catalog.keep(&path, &shown, &Unreadable::whole(why)));
        }
        for path in listing.files.into_keys() {
            let shown = tree::show(&roots, &path);
            events.extend(match read_file(&path) {
                Ok(read) => take(&mut catalog, &path, &shown, &read.text),
                Err(error) => catalog.keep(&path, &shown, &error.into()),
            });
        }
    }
    events.push(Event::Ready);
    Ok(events)
}

/// Reads one text, as from standard input: the events of a source that then ends. JSON is recognised by its first
/// character.
pub fn read_text(shown: &str, text: &[u8]) -> Vec<Event> {
    let mut catalog = Catalog::default();
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    let format = if first == Some(&b'{') { Format::Json } else { Format::Yaml };
    let mut events = match document::read(text, format) {
        Ok(documents) => catalog.replace(Path::new(shown), shown, Content::decode(shown, documents)),
        Err(why) => catalog.keep(Path::new(shown), shown, &why),
    };
    events.push(Event::Ready);
    events
}

fn roots(paths: &[PathBuf]) -> Result<Vec<Root>, UnusablePath> {
    let unusable =
        |path: &PathBuf, error: &io::Error| UnusablePath { path: path.clone(), why: tree::sentence(error) };
    let check = |path: &PathBuf| {
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() { std::fs::read_dir(path).map(drop) } else { open(path).map(drop) }?;
        Root::new(path)
    };
    paths.iter().map(|path| check(path).map_err(|error| unusable(path, &error))).collect()
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::whole(tree::sentence(&error))
    }
}

/// A file's content.
struct Read {
    fingerprint: Fingerprint,
    text: Vec<u8>,
    /// Nobody changed it while it was read.
    at_rest: bool,
}

impl Read {
    fn is_empty(&self) -> bool {
        self.text.iter().all(u8::is_ascii_whitespace)
    }
}

/// Opens a file, and nothing else: opening a pipe would wait for somebody to write to it, and nothing would be followed
/// any more.
fn open(path: &Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    File::open(path)
}

/// Reads a file whole, within the limit.
fn read_file(path: &Path) -> io::Result<Read> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let too_large = || io::Error::other(format!("it is larger than {} MiB", MAX_FILE_BYTES / 1024 / 1024));
    if metadata.len() > MAX_FILE_BYTES {
        return Err(too_large());
    }
    let mut text = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1);
    (&file).take(MAX_FILE_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(too_large());
    }
    let fingerprint = Fingerprint::of(&metadata);
    let at_rest = fingerprint == Fingerprint::of(&file.metadata()?);
    Ok(Read { fingerprint, text, at_rest })
}

/// Gives a file's text to the catalog.
fn take(catalog: &mut Catalog, path: &Path, shown: &str, text: &[u8]) -> Vec<Event> {
    match document::read(text, tree::format_of(path).unwrap_or(Format::Yaml)) {
        Ok(documents) => catalog.replace(path, shown, Content::decode(shown, documents)),
        Err(why) => catalog.keep(path, shown, &why),
    }
}
