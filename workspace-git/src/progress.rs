//! How far an operation is.

use std::fmt;
use std::sync::Arc;

/// How far an operation is; every figure only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Objects that were received or sent.
    pub objects: u64,
    /// Objects there are to receive or send; 0 while unknown.
    pub total_objects: u64,
    /// Files that were written into the tree.
    pub files: u64,
    /// Bytes that went over the wire, both ways.
    pub bytes: u64,
}

/// Who wants to know. It is called often, from a thread that works, and must return at once.
#[derive(Clone)]
pub(crate) struct OnProgress(pub(crate) Arc<dyn Fn(Progress) + Send + Sync>);

impl Default for OnProgress {
    fn default() -> Self {
        Self(Arc::new(|_| {}))
    }
}

impl fmt::Debug for OnProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnProgress(..)")
    }
}
