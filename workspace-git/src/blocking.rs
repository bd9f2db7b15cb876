//! libgit2 blocks: it works on threads that may.

use workspace_core::error::{Error, ErrorKind, Result};

/// Runs this on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Error::new(ErrorKind::Internal, "the git thread ended").source(error)))
}
