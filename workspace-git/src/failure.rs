//! What libgit2's errors mean to the user.

use git2::{ErrorClass, ErrorCode};
use workspace_core::error::{Error, ErrorKind};

/// Says what a failed call of libgit2 means; `doing` completes "cannot ..".
pub(crate) fn failed(doing: &str, error: git2::Error) -> Error {
    let kind = kind_of(&error);
    let hint = match kind {
        ErrorKind::DiskFull => "free some space, or give the project more",
        ErrorKind::Diverged => "pull, merge in the workspace, and push again; or push to a new branch",
        ErrorKind::LocalChanges => "commit or undo the changes first",
        ErrorKind::Conflict => {
            "another git program works on this repository, or died there; try again, or remove its lock"
        }
        ErrorKind::Invalid => "the repository holds something that git must not write; `git fsck` tells more",
        ErrorKind::RemoteUnreachable => "try again later",
        _ => "run `git status` and `git fsck` in the workspace",
    };
    let reported = match kind {
        ErrorKind::Invalid => Error::invalid("repository", format!("cannot {doing}: {}", error.message())),
        _ => Error::new(kind, format!("cannot {doing}")),
    };
    let reported = reported.hint(hint);
    // What libgit2 says of its connection only describes the relay.
    if matches!(error.class(), ErrorClass::Net | ErrorClass::Http) { reported } else { reported.source(error) }
}

fn kind_of(error: &git2::Error) -> ErrorKind {
    if error.message().contains("No space left") || error.message().contains("Disk quota") {
        return ErrorKind::DiskFull;
    }
    match (error.code(), error.class()) {
        (ErrorCode::User, _) => ErrorKind::Cancelled,
        (ErrorCode::NotFastForward, _) => ErrorKind::Diverged,
        (ErrorCode::Conflict, ErrorClass::Checkout) | (ErrorCode::Uncommitted, _) => ErrorKind::LocalChanges,
        (ErrorCode::Locked, _) => ErrorKind::Conflict,
        (ErrorCode::Owner, _) => ErrorKind::Forbidden,
        (_, ErrorClass::Net | ErrorClass::Http) => ErrorKind::RemoteUnreachable,
        (code, class) if code == ErrorCode::InvalidSpec || about_content(class) => ErrorKind::Invalid,
        _ => ErrorKind::Internal,
    }
}

/// The repository holds something that cannot be read or must not be written.
fn about_content(class: ErrorClass) -> bool {
    use ErrorClass::{Checkout, Filesystem, Index, Indexer, Object, Odb, Tree, Zlib};
    matches!(class, Checkout | Filesystem | Index | Indexer | Object | Odb | Tree | Zlib)
}

/// `map_err` for calls of libgit2.
pub(crate) trait OrFailed<T> {
    /// Turns a libgit2 error into ours; `doing` completes "cannot ..".
    fn or_failed(self, doing: &str) -> Result<T, Error>;
}

impl<T> OrFailed<T> for Result<T, git2::Error> {
    fn or_failed(self, doing: &str) -> Result<T, Error> {
        self.map_err(|error| failed(doing, error))
    }
}

impl<T> OrFailed<T> for std::io::Result<T> {
    fn or_failed(self, doing: &str) -> Result<T, Error> {
        self.map_err(|error| {
            let kind = match error.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
                _ => ErrorKind::Internal,
            };
            Error::new(kind, format!("cannot {doing}")).source(error)
        })
    }
}
