//! Taking and forgetting snapshots.

use crate::error::Result;
use crate::id::ProjectId;
use crate::model::{Scope, Snapshot, SnapshotProfile};
use crate::orchestrator::projects::sync::filled_copy;
use crate::orchestrator::{Caller, Orchestrator};
use crate::port::Write;

/// A snapshot to take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewSnapshot {
    /// What to say of it.
    pub message: Option<String>,
    /// What is part of it.
    pub profile: SnapshotProfile,
}

impl Orchestrator {
    /// Begins to write a project's current copy to object storage. Answers as soon as that is recorded; see
    /// [`Orchestrator::wait_snapshot`].
    ///
    /// # Errors
    /// `Conflict` when the project has no data yet, `Unsupported` without object storage.
    pub async fn take_snapshot(&self, caller: &Caller, project: ProjectId, new: NewSnapshot) -> Result<Snapshot> {
        caller.require(Scope::ProjectsWrite)?;
        let core = &self.core;
        let project = core.project_of(caller, project).await?;
        core.storage()?;
        let copy = filled_copy(&project)?;
        let (job, row) = core.snapshot_job(&project, copy, new.profile, new.message);
        let entry = core.audit_entry(caller.asks("snapshot.take"), row.id.as_uuid(), row.message.as_deref());
        core.begin_job(&project, job, vec![Write::PutSnapshot(Box::new(row.clone())), entry]).await?;
        Ok(row)
    }
}
