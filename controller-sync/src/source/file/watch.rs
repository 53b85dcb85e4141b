//! What the kernel says about watched directories, folded into a bounded set of paths to look at.
//!
//! Each directory gets its own watch *before* it is listed, so that nothing falls between. Only names are taken from
//! the kernel; what they are now is looked up when they are handled, so the order of events does not matter.

use super::tree::is_hidden;
use notify::event::{AccessKind, AccessMode, CreateKind, MetadataKind, ModifyKind, RemoveKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// More paths than this waiting means that looking at everything is cheaper.
const MAX_PENDING: usize = 10_000;

/// What is known about a path that something happened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// It is being written; a close should follow.
    Writing,
    /// It was closed after writing, renamed, created as a directory or removed.
    Settled,
}

/// What happened since the last look.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Events were lost: look at everything.
    pub(super) everything: bool,
    /// The paths, each with the last thing known.
    pub(super) paths: BTreeMap<PathBuf, Hint>,
}

#[derive(Default)]
struct Pending {
    /// What the user named: that counts whatever it is called.
    named: Vec<PathBuf>,
    noted: Mutex<Noted>,
    wake: Condvar,
}

impl Pending {
    /// Whether nothing that happens at a path is of interest: hidden names, which editors write to before they rename. It
    /// wakes nobody then; otherwise every file that is renamed into place would be worth several rounds. `..data` and its
    /// like are those of a mounted ConfigMap.
    fn is_scratch(&self, path: &Path) -> bool {
        let swapped = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".."));
        is_hidden(path) && !swapped && !self.named.iter().any(|named| named == path)
    }

    // The lock only guards plain data that is whole after each statement, so a panic elsewhere harms nothing.
    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The watches and what they have reported.
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    watched: HashMap<PathBuf, (u64, u64)>,
    pending: Arc<Pending>,
    complained: bool,
}

impl Watch {
    /// Starts without any watch; `named` are the paths that the user named. Where the kernel has no room for a watch,
    /// [`Watch::is_blind`] says so.
    pub(super) fn new(named: Vec<PathBuf>) -> Self {
        let pending = Arc::new(Pending { named, ..Pending::default() });
        let notes = Arc::clone(&pending);
        let watcher = notify::recommended_watcher(move |event| note(&notes, event));
        let mut watch = Self { watcher: None, watched: HashMap::new(), pending, complained: false };
        match watcher {
            Ok(watcher) => watch.watcher = Some(watcher),
            Err(error) => watch.complain(&error),
        }
        watch
    }

    /// Whether changes may go unreported, so that only looking finds them.
    pub(super) fn is_blind(&self) -> bool {
        self.watcher.is_none() || self.complained
    }

    /// Watches a directory (not what is below it); renews the watch when the path leads elsewhere now.
    pub(super) fn add(&mut self, directory: &Path, identity: (u64, u64)) {
        if self.watched.get(directory) == Some(&identity) {
            return;
        }
        self.remove(directory);
        let Some(watcher) = &mut self.watcher else { return };
        match watcher.watch(directory, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.watched.insert(directory.to_owned(), identity);
            }
            // Gone again: its own disappearance is an event of its parent.
            Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
            Err(error) => self.complain(&error),
        }
    }

    /// Ends the watch of a directory, if there is one.
    pub(super) fn remove(&mut self, directory: &Path) {
        if self.watched.remove(directory).is_some()
            && let Some(watcher) = &mut self.watcher
        {
            // An error means that the kernel ended it first, with the directory.
            let _ = watcher.unwatch(directory);
        }
    }

    /// Ends the watches at and below `path` of directories that are gone or are other ones now. Of `path` itself it
    /// ends the watch in any case: when it was removed and made again, nothing else may tell (inodes are used again).
    pub(super) fn forget_moved(&mut self, path: &Path) {
        let moved = |directory: &PathBuf| {
            directory == path || self.watched.get(directory).copied() != super::tree::identity(directory)
        };
        for directory in self.below(path).into_iter().filter(moved).collect::<Vec<_>>() {
            self.remove(&directory);
        }
    }

    /// The watched directories that are `path` or stand below it.
    pub(super) fn below(&self, path: &Path) -> Vec<PathBuf> {
        self.watched.keys().filter(|directory| directory.starts_with(path)).cloned().collect()
    }

    /// Whether this very path is a watched directory.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.watched.contains_key(path)
    }

    /// Waits for something to happen, at most for `timeout`, and takes what was noted.
    pub(super) fn wait(&self, timeout: Duration) -> Noted {
        let noted = self.pending.lock();
        let quiet = |noted: &mut Noted| !noted.everything && noted.paths.is_empty();
        let waited = self.pending.wake.wait_timeout_while(noted, timeout, quiet);
        let (mut noted, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *noted)
    }

    fn complain(&mut self, error: &notify::Error) {
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(
                "changes of manifests are found by looking every few seconds, because watching fails: {error}; raise \
                 fs.inotify.max_user_watches and fs.inotify.max_user_instances"
            );
        }
    }
}

fn note(pending: &Pending, event: notify::Result<Event>) {
    let Ok(mut event) = event else {
        pending.lock().everything = true;
        pending.wake.notify_one();
        return;
    };
    if event.need_rescan() {
        pending.lock().everything = true;
        pending.wake.notify_one();
        return;
    }
    let Some(meaning) = meaning(event.kind) else { return };
    event.paths.retain(|path| !pending.is_scratch(path));
    if event.paths.is_empty() {
        return;
    }
    let mut noted = pending.lock();
    for path in event.paths {
        match meaning {
            Meaning::Now(hint) => {
                noted.paths.insert(path, hint);
            }
            Meaning::Perhaps => {
                noted.paths.entry(path).or_insert(Hint::Writing);
            }
        }
    }
    if noted.paths.len() > MAX_PENDING {
        noted.paths.clear();
        noted.everything = true;
    }
    drop(noted);
    pending.wake.notify_one();
}

enum Meaning {
    Now(Hint),
    /// Says nothing about whether a write is over.
    Perhaps,
}

fn meaning(kind: EventKind) -> Option<Meaning> {
    Some(match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Meaning::Now(Hint::Settled),
        // Our own reading shows up here.
        EventKind::Access(_) => return None,
        EventKind::Modify(ModifyKind::Metadata(MetadataKind::AccessTime)) => return None,
        // A mode that now lets us read, but also what every copying tool does before its last write.
        EventKind::Modify(ModifyKind::Metadata(_)) => Meaning::Perhaps,
        EventKind::Modify(ModifyKind::Name(_)) => Meaning::Now(Hint::Settled),
        EventKind::Modify(_) => Meaning::Now(Hint::Writing),
        EventKind::Create(CreateKind::Folder) => Meaning::Now(Hint::Settled),
        EventKind::Create(_) => Meaning::Now(Hint::Writing),
        EventKind::Remove(RemoveKind::Other | RemoveKind::Any | RemoveKind::File | RemoveKind::Folder) => {
            Meaning::Now(Hint::Settled)
        }
        EventKind::Any | EventKind::Other => Meaning::Perhaps,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind) -> notify::Result<Event> {
        Ok(Event::new(kind).add_path(PathBuf::from("/a.yaml")))
    }

    #[test]
    fn the_last_thing_known_of_a_path_counts() {
        let pending = Pending::default();
        let write = EventKind::Modify(ModifyKind::Any);
        let close = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let mode = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        for (kinds, hint) in [
            (vec![write, close], Hint::Settled),
            (vec![write, close, write], Hint::Writing),
            (vec![close, mode], Hint::Settled),
            (vec![mode], Hint::Writing),
        ] {
            pending.lock().paths.clear();
            for kind in kinds {
                note(&pending, event(kind));
            }
            assert_eq!(pending.lock().paths.get(Path::new("/a.yaml")), Some(&hint));
        }
    }

    #[test]
    fn scratch_files_of_editors_are_not_noted_and_what_the_user_named_is() {
        let pending = Pending { named: vec![PathBuf::from("/m/.mine.yaml")], ..Pending::default() };
        let close = EventKind::Access(AccessKind::Close(AccessMode::Write));
        for (path, counts) in [
            ("/m/.a.yaml.swp", false),
            ("/m/.a.yaml", false),
            ("/m/a.yaml", true),
            ("/m/.hidden/a.yaml", true),
            ("/m/..data", true),
            ("/m/..2026_11_21", true),
            ("/m/.mine.yaml", true),
        ] {
            note(&pending, Ok(Event::new(close).add_path(PathBuf::from(path))));
            assert_eq!(std::mem::take(&mut pending.lock().paths).len(), usize::from(counts), "{path}");
        }
        let rename = EventKind::Modify(ModifyKind::Name(notify::event::RenameMode::Both));
        note(&pending, Ok(Event::new(rename).add_path("/m/.a.swp".into()).add_path("/m/a.yaml".into())));
        assert_eq!(pending.lock().paths.keys().collect::<Vec<_>>(), [Path::new("/m/a.yaml")]);
    }

    #[test]
    fn lost_events_and_floods_ask_for_a_look_at_everything() {
        let pending = Pending::default();
        note(&pending, Ok(Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan)));
        assert!(pending.lock().everything);
        let pending = Pending::default();
        for number in 0..=MAX_PENDING {
            let path = PathBuf::from(format!("/{number}.yaml"));
            note(&pending, Ok(Event::new(EventKind::Create(CreateKind::Folder)).add_path(path)));
        }
        assert!(pending.lock().everything);
        assert!(pending.lock().paths.is_empty());
    }
}
