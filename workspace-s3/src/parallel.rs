//! Threads for blocking work.

use workspace_core::error::{Error, ErrorKind, Result};

/// As many threads as are useful beside a workspace.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 4)
}

/// The error that made the others stop, not one of those that only stopped.
pub(crate) fn first_cause<T>(results: Vec<Result<T>>) -> Result<Vec<T>> {
    let mut values = Vec::with_capacity(results.len());
    let mut cause: Option<Error> = None;
    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(error) if cause.as_ref().is_none_or(|cause| cause.kind() == ErrorKind::Cancelled) => {
                cause = Some(error);
            }
            Err(_) => {}
        }
    }
    cause.map_or(Ok(values), Err)
}
