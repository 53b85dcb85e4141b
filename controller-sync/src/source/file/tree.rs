//! The file trees that `--manifests` names: which files count, and what tells that one changed.
//!
//! Names that start with a dot are not read: editors keep their scratch files there, and a mounted ConfigMap keeps
//! its real files in a `..2026_…` directory that `..data` points to, while the names that count are symlinks.

use super::document::Format;
use std::collections::{BTreeMap, HashSet};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The most files one source reads.
pub const MAX_FILES: usize = 100_000;

/// The deepest directory below a root.
const MAX_DEPTH: usize = 32;

/// A path that the user named.
#[derive(Clone, Debug)]
pub struct Root {
    given: PathBuf,
    /// The same path, absolute; what is read and watched.
    pub absolute: PathBuf,
}

impl Root {
    /// Makes a path absolute without following links, so that a link that is swapped is followed anew.
    ///
    /// # Errors
    /// When the path is empty or the working directory is gone.
    pub fn new(given: &Path) -> io::Result<Self> {
        Ok(Self { given: given.to_owned(), absolute: std::path::absolute(given)? })
    }

    /// A path below this root as the user would write it; `None` when it is not below it.
    fn show(&self, path: &Path) -> Option<String> {
        let below = path.strip_prefix(&self.absolute).ok()?;
        let shown = if below.as_os_str().is_empty() { self.given.clone() } else { self.given.join(below) };
        Some(shown.display().to_string())
    }
}

/// A path as the user would write it.
pub fn show(roots: &[Root], path: &Path) -> String {
    roots.iter().find_map(|root| root.show(path)).unwrap_or_else(|| path.display().to_string())
}

/// The format by the file's name; `None` when it is no manifest.
pub fn format_of(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "yaml" | "yml" => Some(Format::Yaml),
        "json" => Some(Format::Json),
        _ => None,
    }
}

/// Whether the last element of the path starts with a dot.
pub fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// What identifies the directory that a path leads to (device, inode); `None` when there is none.
pub fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok().filter(Metadata::is_dir)?;
    Some((metadata.dev(), metadata.ino()))
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Fingerprint {
    /// From the metadata of the file that a link leads to.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// How long the content has rested. Zero when the clock says it is about to be written.
    pub fn rested(&self) -> Duration {
        let seconds = u64::try_from(self.modified.0).unwrap_or_default();
        let nanoseconds = u32::try_from(self.modified.1).unwrap_or_default();
        let modified = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        // A file from the future (another machine's clock) has rested for all we know, if it is not just a tick.
        let now = SystemTime::now();
        now.duration_since(modified).unwrap_or_else(|error| match error.duration() {
            tick if tick < Duration::from_secs(1) => Duration::ZERO,
            ahead => ahead,
        })
    }
}

/// What stands below one path.
#[derive(Debug, Default)]
pub struct Listing {
    /// The manifests.
    pub files: BTreeMap<PathBuf, Fingerprint>,
    /// The directories, with what identifies them.
    pub directories: BTreeMap<PathBuf, (u64, u64)>,
    /// What cannot be listed, with one sentence why. Nothing is known of what stands below.
    pub failed: Vec<(PathBuf, String)>,
}

/// Lists what stands below `start`. `enter` is called for each directory before it is read, so that a watch begun
/// there misses nothing. `named` says that the user named `start`: a file then counts whatever its name.
pub fn list(start: &Path, named: bool, enter: &mut dyn FnMut(&Path, (u64, u64))) -> Listing {
    let mut walk = Walk { listing: Listing::default(), entered: HashSet::new(), enter };
    match std::fs::metadata(start) {
        Ok(metadata) if metadata.is_dir() => walk.directory(start, &metadata, 0),
        Ok(metadata) if metadata.is_file() && (named || format_of(start).is_some()) => {
            walk.listing.files.insert(start.to_owned(), Fingerprint::of(&metadata));
        }
        Ok(_) if named => {
            walk.listing.failed.push((start.to_owned(), "it is neither a file nor a directory".into()));
        }
        Err(error) if named => walk.listing.failed.push((start.to_owned(), sentence(&error))),
        Ok(_) | Err(_) => {}
    }
    walk.listing
}

/// An I/O error without its number.
pub fn sentence(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".into(),
        io::ErrorKind::PermissionDenied => "reading it is not permitted".into(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
    }
}

struct Walk<'e> {
    listing: Listing,
    /// Device and inode, so that links in a circle end.
    entered: HashSet<(u64, u64)>,
    enter: &'e mut dyn FnMut(&Path, (u64, u64)),
}

impl Walk<'_> {
    fn directory(&mut self, path: &Path, metadata: &Metadata, depth: usize) {
        let identity = (metadata.dev(), metadata.ino());
        if depth > MAX_DEPTH {
            self.listing
                .failed
                .push((path.to_owned(), format!("it is more than {MAX_DEPTH} directories deep")));
            return;
        }
        if !self.entered.insert(identity) {
            return;
        }
        (self.enter)(path, identity);
        self.listing.directories.insert(path.to_owned(), identity);
        let entries = std::fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                self.listing.failed.push((path.to_owned(), sentence(&error)));
                return;
            }
        };
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            self.entry(&entry.path(), depth);
        }
    }

    fn entry(&mut self, path: &Path, depth: usize) {
        if is_hidden(path) {
            return;
        }
        // A link to nothing, or a file that went away between listing and here, is no file.
        let Ok(metadata) = std::fs::metadata(path) else { return };
        if metadata.is_dir() {
            self.directory(path, &metadata, depth + 1);
        } else if metadata.is_file() && format_of(path).is_some() {
            if self.listing.files.len() < MAX_FILES {
                self.listing.files.insert(path.to_owned(), Fingerprint::of(&metadata));
            } else {
                let what = format!("there are already {MAX_FILES} files; it and what follows is not read");
                self.listing.failed.push((path.to_owned(), what));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn hidden_names_and_other_extensions_do_not_count_and_circles_end() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("sub/.git")).unwrap();
        fs::create_dir_all(at("..2026")).unwrap();
        for name in [
            "a.yaml",
            "b.yml",
            "c.json",
            "d.txt",
            ".e.yaml",
            "sub/f.yaml",
            "sub/.git/g.yaml",
            "..2026/h.yaml",
        ] {
            fs::write(at(name), "").unwrap();
        }
        symlink("..2026", at("..data")).unwrap();
        symlink("..data/h.yaml", at("h.yaml")).unwrap();
        symlink("..", at("sub/up")).unwrap();
        symlink("nowhere", at("dead.yaml")).unwrap();
        let mut entered = Vec::new();
        let listing = list(dir.path(), true, &mut |path, _| entered.push(path.to_owned()));
        let names: Vec<_> = listing
            .files
            .keys()
            .map(|path| path.strip_prefix(dir.path()).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["a.yaml", "b.yml", "c.json", "h.yaml", "sub/f.yaml"]);
        assert_eq!(entered, [dir.path().to_owned(), at("sub")]);
        assert!(listing.failed.is_empty());
    }

    #[test]
    fn paths_are_shown_as_the_user_wrote_them() {
        let roots = [Root::new(Path::new("examples/quickstart")).unwrap()];
        let below = roots[0].absolute.join("a/b.yaml");
        assert_eq!(show(&roots, &below), "examples/quickstart/a/b.yaml");
        assert_eq!(show(&roots, &roots[0].absolute), "examples/quickstart");
        assert_eq!(show(&roots, Path::new("/elsewhere")), "/elsewhere");
    }
}
