//! Reading projects, snapshots and jobs.

use crate::error::{Error, Result};
use crate::id::{JobId, OwnerId, ProjectId, SnapshotId};
use crate::model::{Job, Project, Scope, Snapshot};
use crate::orchestrator::{Caller, Core, Orchestrator};
use crate::port::{DataFilter, Page, PageRequest};

impl Orchestrator {
    /// One project of the caller's.
    pub async fn project(&self, caller: &Caller, id: ProjectId) -> Result<Project> {
        caller.require(Scope::WorkspacesRead)?;
        self.core.project_of(caller, id).await
    }

    /// The caller's projects in the order of their making, also the unnamed ones; an administrator sees everyone's.
    pub async fn projects(&self, caller: &Caller, owner: Option<OwnerId>, page: PageRequest) -> Result<Page<Project>> {
        caller.require(Scope::WorkspacesRead)?;
        let owner = if caller.is_admin() { owner } else { Some(caller.owner_id().clone()) };
        self.core.store.projects(owner.as_ref(), page).await
    }

    /// The caller's projects that no workspace has. A page may have fewer than were asked for and still have one after
    /// it.
    pub async fn unassigned_projects(
        &self,
        caller: &Caller,
        owner: Option<OwnerId>,
        page: PageRequest,
    ) -> Result<Page<Project>> {
        caller.require(Scope::WorkspacesRead)?;
        let owner = if caller.is_admin() { owner } else { Some(caller.owner_id().clone()) };
        self.core.unassigned_projects(owner.as_ref(), page).await
    }

    /// The caller's snapshots, of one project or of all.
    pub async fn snapshots(
        &self,
        caller: &Caller,
        project: Option<ProjectId>,
        page: PageRequest,
    ) -> Result<Page<Snapshot>> {
        caller.require(Scope::WorkspacesRead)?;
        let owner = (!caller.is_admin()).then(|| caller.owner_id().clone());
        self.core.store.snapshots(&DataFilter { owner, project }, page).await
    }

    /// One snapshot of the caller's.
    pub async fn snapshot(&self, caller: &Caller, id: SnapshotId) -> Result<Snapshot> {
        caller.require(Scope::WorkspacesRead)?;
        self.core.snapshot_of(caller, id).await
    }

    /// One job of the caller's.
    pub async fn job(&self, caller: &Caller, id: JobId) -> Result<Job> {
        caller.require(Scope::WorkspacesRead)?;
        let job = self.core.store.job(id).await?;
        job.filter(|job| caller.may_see(&job.owner)).ok_or_else(|| Error::not_found("job"))
    }
}

impl Core {
    /// The caller's snapshot. A foreign one and a missing one are the same.
    pub(in crate::orchestrator) async fn snapshot_of(&self, caller: &Caller, id: SnapshotId) -> Result<Snapshot> {
        let row = self.store.snapshot(id).await?;
        row.filter(|row| caller.may_see(&row.owner)).ok_or_else(|| Error::not_found("snapshot"))
    }
}
