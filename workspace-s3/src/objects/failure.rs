//! What a storage says, as errors of ours.

use std::error::Error as StdError;

use object_store::Error as StoreError;
use object_store::path::Path;
use workspace_core::error::{Error, ErrorKind};

/// The innermost words of a failed request: those around it only repeat them.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Told(String);

/// The error of a request.
pub(crate) fn storage_error(error: &StoreError, path: &Path) -> Error {
    let name = path.filename().unwrap_or_default();
    let told = innermost(error);
    // Lists fail without saying how, but in words.
    let answered = |status: &str| told.contains(&format!("status code: {status}"));
    match error {
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => refused(name),
        StoreError::NotFound { .. } => no_place(name),
        _ if told.contains("certificate") => {
            Error::new(ErrorKind::TlsRefused, "the storage's certificate is not one that is trusted")
                .hint("give the storage's own certificate authority, or the name that its certificate is for")
        }
        _ if answered("401") || answered("403") => refused(name),
        _ if answered("404") => no_place(name),
        _ => Error::new(ErrorKind::StorageUnreachable, format!("the storage failed on {name}"))
            .hint("is the endpoint right, and is it reachable from the server that holds the data?"),
    }
    .source(Told(told))
}

fn refused(name: &str) -> Error {
    Error::new(ErrorKind::StorageRefused, format!("the storage does not accept the credentials for {name}"))
        .hint("check access key, secret key and what they may do with the bucket")
}

fn no_place(name: &str) -> Error {
    Error::new(ErrorKind::StorageRefused, format!("the storage has no place for {name}")).hint("does the bucket exist?")
}

fn innermost(error: &StoreError) -> String {
    let mut innermost: &dyn StdError = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string().lines().next().unwrap_or_default().chars().take(300).collect()
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
