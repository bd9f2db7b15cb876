//! Moving a tree between this machine and a remote; used by the worker, beside the data.

use std::fmt::Debug;
use std::path::Path;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::Result;

/// What to move.
#[derive(Clone, Debug, Default)]
pub struct SyncRequest {
    /// The version to pull; the newest when absent.
    pub version: Option<String>,
    /// What to say of a pushed version.
    pub message: Option<String>,
}

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncReport {
    /// The version that tree and remote now share.
    pub version: String,
    /// How many files differed.
    pub files_changed: u64,
    /// How many bytes went over the wire.
    pub bytes: u64,
}

/// A version of the tree that the remote has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its name: a commit or a snapshot.
    pub version: String,
    /// When it was made.
    pub at: Timestamp,
    /// What was said of it.
    pub message: String,
}

/// Moves a tree on this machine to and from a remote.
///
/// # Contract
/// - `push` publishes a version wholly or not at all; a repeated push of an unchanged tree makes no second version.
/// - `pull` never writes outside `tree`, whatever the remote says.
/// - Nothing secret is written into `tree`.
///
/// # Implementing
/// Run `workspace_core::testing::conformance::sync_backend` (feature `testing`) against it, with an empty remote.
///
/// # Backends differ in
/// | | git | snapshots | mirror |
/// |---|---|---|---|
/// | history | yes | yes | no |
#[async_trait]
pub trait SyncBackend: Debug + Send + Sync + 'static {
    /// Makes the tree what the remote has.
    async fn pull(&self, tree: &Path, request: &SyncRequest) -> Result<SyncReport>;

    /// Makes the remote have what the tree is.
    async fn push(&self, tree: &Path, request: &SyncRequest) -> Result<SyncReport>;

    /// How many files a push would change.
    async fn status(&self, tree: &Path) -> Result<u64>;

    /// What the remote has, newest first.
    async fn versions(&self, limit: u32) -> Result<Vec<Version>>;
}
