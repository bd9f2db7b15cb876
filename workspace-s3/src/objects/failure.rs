//! What a storage says, as errors of ours.

use object_store::Error as StoreError;
use object_store::path::Path;
use workspace_core::error::{Error, ErrorKind};

/// The error of a request. Texts of the storage stay in the source: they may name what was sent.
pub(crate) fn storage_error(error: StoreError, path: &Path) -> Error {
    let name = path.filename().unwrap_or_default();
    match &error {
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            Error::new(ErrorKind::StorageRefused, format!("the storage does not accept the credentials for {name}"))
                .hint("check access key, secret key and what they may do with the bucket")
        }
        StoreError::NotFound { .. } => {
            Error::new(ErrorKind::StorageRefused, format!("the storage has no place for {name}"))
                .hint("does the bucket exist?")
        }
        _ => Error::new(ErrorKind::StorageUnreachable, format!("the storage failed on {name}"))
            .hint("is the endpoint right, and is it reachable from the server that holds the data?"),
    }
    .source(error)
}

/// Something in the storage is not what it was when it was written.
pub(crate) fn damaged(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::SnapshotDamaged, message).hint("restore another version; verify tells which ones are whole")
}

/// There is no such version.
pub(crate) fn no_such_snapshot(version: Option<&str>) -> Error {
    match version {
        Some(_) => Error::not_found("snapshot").hint("list the versions that there are"),
        None => Error::new(ErrorKind::NotFound, "the project has no snapshot yet").hint("make one first"),
    }
}
