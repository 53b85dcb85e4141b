//! The listening socket: bound once, mode 0600, never taken from a process that is alive.
//!
//! ```text
//!   sync.sock.lock   locked while a controller lives; the kernel unlocks it however the process ends
//!   sync.sock.new    bound, its mode set, then renamed ─▶ sync.sock
//! ```

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// The socket cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else serves it.
    #[error("another ingora sync already serves {}; stop it, or give this one another --socket", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something is there that is not ours to remove.
    #[error("{} exists and is not a socket; give another --socket", path.display())]
    NotASocket {
        /// What is there.
        path: PathBuf,
    },
    /// The system refuses.
    #[error("the socket {} cannot be made: {}; see --socket", path.display(), super::plain(source))]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The socket file; dropped, it is removed.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    identity: (u64, u64),
    /// Locked for as long as this lives.
    _lock: File,
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Not what somebody else has put there meanwhile.
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // The process ends; nobody is left to tell.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

pub(super) fn bind(path: &Path) -> Result<(UnixListener, Socket), BindError> {
    let failed = |source| BindError::Io { path: path.to_owned(), source };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let lock = lock(path)?;
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(BindError::NotASocket { path: path.to_owned() });
        }
        // Ours are locked, so whoever answers here is another program.
        Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
            return Err(BindError::InUse { path: path.to_owned() });
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let new = beside(path, ".new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&new).map_err(failed)?;
    let identity = fs::set_permissions(&new, Permissions::from_mode(0o600))
        .and_then(|()| identity(&new))
        // The rename takes the place of what a dead process left behind.
        .and_then(|identity| fs::rename(&new, path).map(|()| identity))
        .map_err(failed)?;
    Ok((listener, Socket { path: path.to_owned(), identity, _lock: lock }))
}

fn lock(path: &Path) -> Result<File, BindError> {
    let failed = |source| BindError::Io { path: path.to_owned(), source };
    let lock = beside(path, ".lock");
    let file = File::options().create(true).truncate(false).write(true).open(lock).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BindError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_private_replaces_a_dead_one_and_goes_with_its_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deeper/sync.sock");
        let (listener, socket) = bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(bind(&path), Err(BindError::InUse { .. })));
        drop(socket);
        drop(listener);
        assert!(!path.exists());
        // What kill -9 leaves: a socket that nobody listens on.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(bind(&path).is_ok());
    }

    #[tokio::test]
    async fn what_is_not_ours_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sync.sock");
        fs::write(&path, "precious").unwrap();
        let error = bind(&path).unwrap_err();
        assert!(matches!(error, BindError::NotASocket { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        fs::remove_file(&path).unwrap();
        let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(matches!(bind(&path), Err(BindError::InUse { .. })));
    }
}
