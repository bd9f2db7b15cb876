//! Taking and forgetting snapshots.

use crate::error::Result;
use crate::id::{ProjectId, SnapshotId};
use crate::model::{Scope, Snapshot, SnapshotProfile, SyncStep, Work};
use crate::orchestrator::jobs::NewJob;
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
        let snapshot = SnapshotId::from_uuid(core.env.uuid());
        let step = SyncStep::Snapshot { snapshot, profile: new.profile, message: new.message.clone() };
        let work = Work::Sync(vec![step]);
        let job = core.job_row(NewJob { project: &project, copy, session: None, finishes: None, work });
        let row = core.snapshot_row(&job, snapshot, new.profile, new.message);
        core.begin_job(&project, job, vec![Write::PutSnapshot(Box::new(row.clone()))]).await?;
        Ok(row)
    }
}
