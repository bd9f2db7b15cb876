//! Deleting a snapshot.

use crate::error::{Error, ErrorKind, Result};
use crate::id::{ProjectId, SnapshotId};
use crate::model::{Job, Scope, Snapshot, SnapshotStatus, SyncStep, Work};
use crate::orchestrator::refusal::refused;
use crate::orchestrator::{Caller, Core, Orchestrator};
use crate::port::{JobFilter, PageRequest, Write};

impl Orchestrator {
    /// Wants a snapshot gone. Its object is removed from the storage by a job, then its row; what only it needed of the
    /// packs stays until they are collected. One that is being deleted is deleted once.
    ///
    /// # Errors
    /// `Conflict` while it is being written, or something is being or is still to be filled from it.
    pub async fn delete_snapshot(&self, caller: &Caller, id: SnapshotId) -> Result<Snapshot> {
        caller.require(Scope::ProjectsWrite)?;
        let core = &self.core;
        let snapshot = core.snapshot_of(caller, id).await?;
        core.storage()?;
        match snapshot.status {
            SnapshotStatus::Creating => {
                return Err(Error::new(ErrorKind::Conflict, "the snapshot is being written").hint("wait until it is"));
            }
            SnapshotStatus::Deleting if core.is_going_on(&snapshot).await? => return Ok(snapshot),
            SnapshotStatus::Deleting | SnapshotStatus::Ready | SnapshotStatus::Incomplete | SnapshotStatus::Failed => {}
        }
        core.check_unused(&snapshot).await?;
        let job = core.storage_job(&snapshot, SyncStep::Delete { snapshot: id }).await?;
        let going = Snapshot { status: SnapshotStatus::Deleting, job: job.id, error: None, ..snapshot };
        let change = core
            .asked(caller.asks("snapshot.delete"), id.as_uuid(), going.message.as_deref())
            .with(Write::PutSnapshot(Box::new(going.clone())))
            .with(Write::InsertJob(Box::new(job.clone())));
        match core.commit(change).await? {
            Ok(_) => {
                core.drive_job(job.id);
                Ok(going)
            }
            Err(refusal) => Err(refused("snapshot", &refusal)),
        }
    }
}

impl Core {
    async fn is_going_on(&self, snapshot: &Snapshot) -> Result<bool> {
        Ok(self.store.job(snapshot.job).await?.is_some_and(|job| !job.status.is_finished()))
    }

    /// Nothing is filled from the snapshot now, and nothing will be.
    async fn check_unused(&self, snapshot: &Snapshot) -> Result<()> {
        let mut page = PageRequest::default();
        loop {
            let projects = self.store.projects(Some(&snapshot.owner), page).await?;
            for project in &projects.items {
                let filled = project.copy.as_ref().is_some_and(|copy| copy.filled);
                if project.first_snapshot() == Some(snapshot.id) && !filled && !project.deleted {
                    let name = project.name.clone().unwrap_or_else(|| project.id.to_string());
                    let message = format!("project {name} is still to be filled from the snapshot");
                    return Err(Error::new(ErrorKind::Conflict, message)
                        .hint("start a workspace with that project first, or delete it"));
                }
            }
            match projects.next {
                Some(after) => page.after = Some(after),
                None => break,
            }
        }
        if self.is_restored(snapshot.project, snapshot.id).await? {
            return Err(
                Error::new(ErrorKind::Conflict, "the snapshot is being restored").hint("wait until that has ended")
            );
        }
        Ok(())
    }

    async fn is_restored(&self, project: ProjectId, snapshot: SnapshotId) -> Result<bool> {
        let filter = JobFilter { project: Some(project), finished: Some(false), ..JobFilter::default() };
        let reads = |job: &Job| {
            match &job.work {
            Work::Sync(steps) => steps.iter().any(|step| {
                matches!(step, SyncStep::Restore { snapshot: id, .. } | SyncStep::Verify { snapshot: id } if *id == snapshot)
            }),
            Work::Agent(_) => false,
        }
        };
        let jobs = self.store.jobs(&filter, PageRequest { after: None, limit: 1_000 }).await?;
        Ok(jobs.items.iter().any(reads))
    }
}
