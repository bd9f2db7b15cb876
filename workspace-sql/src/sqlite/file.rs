//! The database's file and the lock beside it.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use workspace_core::error::{Error, ErrorKind, Result};

/// Makes sure that nobody else has the database, for as long as the returned file is open.
///
/// SQLite's own exclusive mode would shut our readers out; a lock beside the file is released by the system however
/// the process ends.
pub(super) fn lock(path: &Path) -> Result<File> {
    let mut name = OsString::from(path);
    name.push(".lock");
    let beside = PathBuf::from(name);
    let cannot = |error: std::io::Error| {
        Error::new(ErrorKind::StoreUnavailable, format!("the store's file {} cannot be opened", path.display()))
            .hint("see that its directory exists and that this user may write there")
            .source(error)
    };
    let lock = private(&beside).map_err(cannot)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Error::new(ErrorKind::StoreInUse, format!("another master has {} open", path.display()))
                .hint("stop the other master, or keep the state in Postgres: there several masters work together"));
        }
        Err(TryLockError::Error(error)) => return Err(cannot(error)),
    }
    // Made before SQLite does, so that nobody else may read it; its journals get the same mode.
    private(path).map_err(cannot)?;
    Ok(lock)
}

/// Opens a file that, when it is new, only we may read.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
