//! Snapshots.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use workspace_core::clock::Timestamp;
use workspace_core::model;
use workspace_core::orchestrator::NewSnapshot;

use super::mirror::mirror;
use super::problem::Reason;

mirror! {
    /// What is part of a snapshot.
    SnapshotProfile = model::SnapshotProfile {
        /// Everything.
        Full,
        /// Everything but what can be made again, such as `node_modules` beside a `package.json`.
        Source,
    }
}

/// A snapshot to take.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = NewSnapshot)]
pub(crate) struct SnapshotBody {
    /// What to say of it.
    message: Option<String>,
    profile: Option<SnapshotProfile>,
}

impl From<SnapshotBody> for NewSnapshot {
    fn from(body: SnapshotBody) -> Self {
        Self { message: body.message, profile: body.profile.map(Into::into).unwrap_or_default() }
    }
}

/// A snapshot.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Snapshot {
    id: Uuid,
    project: Uuid,
    owner: String,
    data_generation: u64,
    profile: SnapshotProfile,
    message: Option<String>,
    /// `creating`, `ready`, `incomplete` (files could not be read), `failed` or `deleting`.
    status: &'static str,
    /// Whether it was written whole, its parts were acknowledged, and no later verification found it damaged.
    verified: bool,
    files: u64,
    bytes: u64,
    bytes_uploaded: u64,
    /// How many files are not in it, because they could not be read.
    unreadable: u64,
    /// The first of them; its job's report may have more.
    unreadable_files: Vec<String>,
    /// The job that writes it, or that removes it.
    job: Uuid,
    error: Option<Reason>,
    #[schema(value_type = String)]
    created_at: Timestamp,
}

impl From<model::Snapshot> for Snapshot {
    fn from(row: model::Snapshot) -> Self {
        Self {
            id: row.id.as_uuid(),
            project: row.project.as_uuid(),
            owner: row.owner.as_str().to_owned(),
            data_generation: row.data_generation,
            profile: row.profile.into(),
            message: row.message,
            status: row.status.name(),
            verified: row.status.is_there() && row.error.is_none(),
            files: row.files,
            bytes: row.bytes,
            bytes_uploaded: row.bytes_uploaded,
            unreadable: row.unreadable,
            unreadable_files: row.unreadable_files,
            job: row.job.as_uuid(),
            error: row.error.map(Reason::from),
            created_at: row.created_at,
        }
    }
}
