//! Verifying a snapshot.

use crate::error::{Error, ErrorKind, Result};
use crate::id::SnapshotId;
use crate::model::{Job, Scope, SyncStep};
use crate::orchestrator::refusal::refused;
use crate::orchestrator::{Caller, Orchestrator};
use crate::port::Write;

impl Orchestrator {
    /// Begins to read every byte of a snapshot and to check it. Answers as soon as that is recorded; see
    /// [`Orchestrator::wait_job`]. What is found wrong is the job's error, and from then on the snapshot's.
    ///
    /// # Errors
    /// `Conflict` when the snapshot is not ready; `NoHealthyServers` when none could do it.
    pub async fn verify_snapshot(&self, caller: &Caller, id: SnapshotId) -> Result<Job> {
        caller.require(Scope::ProjectsWrite)?;
        let core = &self.core;
        let snapshot = core.snapshot_of(caller, id).await?;
        core.storage()?;
        if !snapshot.status.is_there() {
            return Err(
                Error::new(ErrorKind::Conflict, "the snapshot is not ready").hint("wait for it, or take another")
            );
        }
        let job = core.storage_job(&snapshot, SyncStep::Verify { snapshot: id }).await?;
        let insert = Write::InsertJob(Box::new(job.clone()));
        let asked = core.asked(caller.asks("snapshot.verify"), id.as_uuid(), snapshot.message.as_deref());
        match core.commit(asked.with(insert)).await? {
            Ok(_) => {
                core.drive_job(job.id);
                Ok(job)
            }
            Err(refusal) => Err(refused("snapshot", &refusal)),
        }
    }
}
