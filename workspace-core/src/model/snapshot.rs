//! A project's data at one moment, in object storage.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{JobId, OwnerId, ProjectId, SnapshotId};
use crate::model::Problem;

/// What is part of a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotProfile {
    /// Everything.
    #[default]
    Full,
    /// Everything but what can be made again, such as `node_modules` beside a `package.json`.
    Source,
}

/// How far a snapshot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotStatus {
    /// It is being written.
    Creating,
    /// It is there, whole and verified.
    Ready,
    /// It is there, but for files that could not be read.
    Incomplete,
    /// It could not be written; `error` says why.
    Failed,
    /// It is being removed from the storage; `error` says why that failed the last time.
    Deleting,
}

impl SnapshotStatus {
    /// The name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Ready => "ready",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
        }
    }
}

impl SnapshotStatus {
    /// Whether it can be restored.
    pub const fn is_there(self) -> bool {
        matches!(self, Self::Ready | Self::Incomplete)
    }
}

/// The row of a snapshot. It outlives its project: what was acknowledged can be restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its id; part of its name in the bucket.
    pub id: SnapshotId,
    /// Whose it is.
    pub owner: OwnerId,
    /// Whose data it is.
    pub project: ProjectId,
    /// The generation of the data; part of its name in the bucket.
    pub data_generation: u64,
    /// What is part of it.
    pub profile: SnapshotProfile,
    /// What was said of it.
    pub message: Option<String>,
    /// How far it is.
    pub status: SnapshotStatus,
    /// The job that writes it, or that removes it.
    pub job: JobId,
    /// Files, folders and links in it.
    pub files: u64,
    /// Bytes in its files.
    pub bytes: u64,
    /// Bytes that went over the wire.
    pub bytes_uploaded: u64,
    /// How many files are not in it, because they could not be read.
    #[serde(default)]
    pub unreadable: u64,
    /// The first of them.
    #[serde(default)]
    pub unreadable_files: Vec<String>,
    /// Why it failed; of one that is ready, what a later verification found.
    pub error: Option<Problem>,
    /// When it was asked for.
    pub created_at: Timestamp,
}
