//! Decides what to read again, and when.
//!
//! | what happened | what is done |
//! | --- | --- |
//! | a file was closed after writing, or renamed into place | read it now |
//! | a file was removed, or emptied | believe it when it still is so a moment later |
//! | a file is being written | read it when it is closed, or has been quiet for a while |
//! | a `..data` link was swapped, a directory came or went | list that directory, read what is different |
//! | a path from the command line came, went or was swapped | list it anew |
//! | events were lost; or half a minute passed | list everything, read what is different |
//!
//! A file that does not parse and a directory that cannot be listed keep what was last good.

use super::catalog::Catalog;
use super::document::Unreadable;
use super::tree::{self, Fingerprint, Listing, Root};
use super::watch::{Hint, Noted, Watch};
use crate::source::{Batch, Event};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// A file that was written to and not closed is read after this much quiet.
const QUIET: Duration = Duration::from_millis(100);

/// A writer that never pauses and never closes is not waited for longer than this.
const LONGEST_WRITE: Duration = Duration::from_secs(1);

/// A file that became empty without being closed is believed after this long: `kubectl get … > file` empties the
/// file long before it writes.
const EMPTIED: Duration = Duration::from_secs(5);

/// How often everything is looked at, should an event have been lost.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The same when no events come, or a path from the command line is missing.
const LOOK_AGAIN_SOON: Duration = Duration::from_secs(1);

/// Files that change one by one are sent together, but the first of many does not wait longer than this for the rest.
const LONGEST_GATHER: Duration = Duration::from_millis(20);

/// How long the thread may not notice that nobody listens any more.
const NOTICE_END: Duration = Duration::from_secs(1);

/// The receiver is gone.
struct Ended;

/// Why a file is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Its writer is done, as far as the kernel said.
    Closed,
    /// Its writer has paused, or nothing is known of one.
    Paused,
    /// It looked as if its objects were gone, some time ago. Whoever rewrites a file by removing it first (git does),
    /// or empties it again at once, must not make hosts blink.
    Confirm,
}

/// A file that is to be read later.
struct Unsettled {
    since: Instant,
    due: Instant,
    look: Look,
}

pub(super) struct Follower {
    roots: Vec<Root>,
    sender: mpsc::Sender<Batch>,
    /// What this round has found so far; it is sent as one batch at the round's end.
    batch: Batch,
    watch: Watch,
    catalog: Catalog,
    /// What was last read; `None` when it was changed so shortly before that the next change may look the same.
    seen: BTreeMap<PathBuf, Option<Fingerprint>>,
    unsettled: HashMap<PathBuf, Unsettled>,
    root_missing: bool,
}

impl Follower {
    pub(super) fn new(roots: Vec<Root>, sender: mpsc::Sender<Batch>) -> Self {
        let named = roots.iter().map(|root| root.absolute.clone()).collect();
        Self {
            roots,
            sender,
            batch: Batch::new(),
            watch: Watch::new(named),
            catalog: Catalog::default(),
            seen: BTreeMap::new(),
            unsettled: HashMap::new(),
            root_missing: false,
        }
    }

    pub(super) fn run(mut self) {
        // Nobody listens any more: that is how a source ends.
        let _: Result<(), Ended> = self.follow();
    }

    fn follow(&mut self) -> Result<(), Ended> {
        self.look_at_everything();
        let mut ready_by = Some(Instant::now() + LONGEST_WRITE);
        let mut looked = Instant::now();
        loop {
            if ready_by.is_some_and(|by| self.unsettled.is_empty() || Instant::now() >= by) {
                ready_by = None;
                self.batch.push(Event::Ready);
            }
            self.flush()?;
            let again = if self.root_missing || self.watch.is_blind() { LOOK_AGAIN_SOON } else { LOOK_AGAIN };
            let now = Instant::now();
            let due = self.unsettled.values().map(|unsettled| unsettled.due).min();
            let next = due.unwrap_or(now + NOTICE_END).min(looked + again).min(now + NOTICE_END);
            let noted = self.watch.wait(next.saturating_duration_since(now));
            if self.sender.is_closed() {
                return Err(Ended);
            }
            if noted.everything || looked.elapsed() >= again {
                self.look_at_everything();
                looked = Instant::now();
            }
            self.handle(noted)?;
            self.read_settled();
        }
    }

    fn flush(&mut self) -> Result<(), Ended> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(std::mem::take(&mut self.batch)).map_err(|_| Ended)
    }

    fn handle(&mut self, noted: Noted) -> Result<(), Ended> {
        let begin = Instant::now();
        if noted.paths.keys().any(|path| matches!(self.classify(path), Change::Roots)) {
            for path in noted.paths.keys() {
                self.watch.remove(path);
            }
            self.look_at_everything();
            return Ok(());
        }
        let mut directories = Vec::new();
        for (path, hint) in noted.paths {
            match self.classify(&path) {
                Change::Nothing | Change::Roots => {}
                Change::File if hint == Hint::Settled || is_link(&path) => self.read(&path, Look::Closed),
                Change::File => self.wait_for_writer(path),
                Change::Directory(directory) => directories.push(directory),
            }
            if begin.elapsed() >= LONGEST_GATHER {
                self.flush()?;
            }
        }
        directories.dedup();
        // All stale watches end before the first new one begins: a directory under a new name is the same watch to
        // the kernel, and ending the old name's would end the new one's.
        for directory in &directories {
            self.watch.forget_moved(directory);
        }
        for directory in directories {
            self.look_below(&directory, false);
        }
        Ok(())
    }

    /// What a path that something happened to means; it may be anything by now.
    fn classify(&self, path: &Path) -> Change {
        let parent = path.parent().unwrap_or(path);
        let inside = |path: &Path| self.roots.iter().any(|root| path.starts_with(&root.absolute));
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"..")) {
            // The swap of a mounted ConfigMap or Secret.
            return if inside(parent) { Change::Directory(parent.to_owned()) } else { Change::Roots };
        }
        if self.roots.iter().any(|root| root.absolute == path) {
            return if self.watch.has(path) || path.is_dir() { Change::Roots } else { Change::File };
        }
        if !inside(path) || tree::is_hidden(path) {
            return Change::Nothing;
        }
        if self.watch.has(path) || path.is_dir() {
            return Change::Directory(path.to_owned());
        }
        if tree::format_of(path).is_some() { Change::File } else { Change::Nothing }
    }

    fn wait_for_writer(&mut self, path: PathBuf) {
        let now = Instant::now();
        let unsettled =
            self.unsettled.entry(path).or_insert(Unsettled { since: now, due: now, look: Look::Paused });
        unsettled.due = (now + QUIET).min(unsettled.since + LONGEST_WRITE);
        unsettled.look = Look::Paused;
    }

    fn look_later(&mut self, path: &Path, look: Look) {
        let since = Instant::now();
        self.unsettled.insert(path.to_owned(), Unsettled { since, due: since + QUIET, look });
    }

    fn read_settled(&mut self) {
        let now = Instant::now();
        let due = self.unsettled.iter().filter(|(_, unsettled)| unsettled.due <= now);
        for (path, look) in due.map(|(path, unsettled)| (path.clone(), unsettled.look)).collect::<Vec<_>>() {
            self.read(&path, look);
        }
    }

    fn read(&mut self, path: &Path, look: Look) {
        let shown = tree::show(&self.roots, path);
        let had_objects = self.catalog.has_objects(path);
        let events = match super::read_file(path) {
            Ok(read) if look == Look::Closed && !read.at_rest => {
                return self.wait_for_writer(path.to_owned());
            }
            Ok(read) if had_objects && read.is_empty() && !is_believed(look, &read.fingerprint) => {
                let next = if look == Look::Closed { Look::Confirm } else { Look::Paused };
                return self.look_later(path, next);
            }
            Ok(read) => {
                let trusted = read.fingerprint.rested() > QUIET;
                self.seen.insert(path.to_owned(), trusted.then_some(read.fingerprint));
                super::take(&mut self.catalog, path, &shown, &read.text)
            }
            // A path from the command line that vanishes is a mistake, any other file is just gone.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !self.is_root(path) => {
                if had_objects && look == Look::Closed {
                    return self.look_later(path, Look::Confirm);
                }
                self.seen.remove(path);
                self.catalog.remove(path)
            }
            Err(error) => {
                self.root_missing |= self.is_root(path);
                self.seen.insert(path.to_owned(), None);
                self.catalog.keep(path, &shown, &error.into())
            }
        };
        self.unsettled.remove(path);
        self.batch.extend(events);
    }

    fn is_root(&self, path: &Path) -> bool {
        self.roots.iter().any(|root| root.absolute == path)
    }

    fn look_at_everything(&mut self) {
        self.root_missing = false;
        self.watch.forget_moved(Path::new("/"));
        for root in self.roots.iter().map(|root| root.absolute.clone()).collect::<Vec<_>>() {
            // The parent tells when the root itself is swapped, goes or comes back.
            if let Some((parent, identity)) =
                root.parent().and_then(|path| Some((path, tree::identity(path)?)))
            {
                self.watch.add(parent, identity);
            }
            self.look_below(&root, true);
        }
    }

    /// Lists what stands at and below a path and reads what is different from what was read.
    fn look_below(&mut self, path: &Path, named: bool) {
        let watch = &mut self.watch;
        let listing =
            tree::list(path, named || self.roots.iter().any(|root| root.absolute == path), &mut |dir, id| {
                watch.add(dir, id);
            });
        self.root_missing |= listing.failed.iter().any(|(failed, _)| self.is_root(failed));
        self.drop_missing(path, &listing);
        for (file, fingerprint) in &listing.files {
            if self.seen.get(file) == Some(&Some(*fingerprint)) {
                continue;
            }
            if fingerprint.rested() < QUIET && !is_link(file) {
                self.wait_for_writer(file.clone());
            } else {
                self.read(file, Look::Paused);
            }
        }
    }

    /// Forgets what was below `path` and is not any more; what could not be listed stays, with a problem.
    fn drop_missing(&mut self, path: &Path, listing: &Listing) {
        let failed = |known: &Path| listing.failed.iter().any(|(failed, _)| known.starts_with(failed));
        for known in self.catalog.below(path) {
            if !listing.files.contains_key(&known) && !failed(&known) {
                if self.catalog.has_objects(&known) {
                    self.look_later(&known, Look::Confirm);
                    continue;
                }
                self.seen.remove(&known);
                self.unsettled.remove(&known);
                let events = self.catalog.remove(&known);
                self.batch.extend(events);
            }
        }
        for directory in self.watch.below(path) {
            let parent_of_root = self.roots.iter().any(|root| root.absolute.parent() == Some(&directory));
            if !listing.directories.contains_key(&directory) && !parent_of_root {
                self.watch.remove(&directory);
            }
        }
        for (failed, why) in &listing.failed {
            let shown = tree::show(&self.roots, failed);
            let events = self.catalog.keep(failed, &shown, &Unreadable::whole(why.clone()));
            self.batch.extend(events);
        }
    }
}

enum Change {
    Nothing,
    File,
    Directory(PathBuf),
    Roots,
}

/// Whether an empty file is meant to be empty.
fn is_believed(look: Look, fingerprint: &Fingerprint) -> bool {
    look == Look::Confirm || look == Look::Paused && fingerprint.rested() >= EMPTIED
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}
