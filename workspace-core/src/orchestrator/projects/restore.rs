//! Bringing a snapshot back.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ProjectId, ServerId, SnapshotId};
use crate::model::{Intent, Job, Project, ReservationPart, Scope, Snapshot, SnapshotStatus, SyncStep, Work, Workspace};
use crate::orchestrator::jobs::NewJob;
use crate::orchestrator::projects::in_use;
use crate::orchestrator::projects::sync::filled_copy;
use crate::orchestrator::refusal::refused;
use crate::orchestrator::{Caller, Core, Orchestrator};
use crate::placement::PlacementRequest;
use crate::port::{Change, DataFilter, PageRequest, Refused, WorkspaceFilter, Write};
use crate::resources::Resources;

/// How a snapshot comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestoreMode {
    /// Into a new copy that then becomes the current one: what is there now goes.
    #[default]
    Replace,
    /// File by file into the current copy: what the snapshot does not have stays.
    Merge,
}

/// A restore to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreRequest {
    /// Which snapshot; the newest when absent.
    pub snapshot: Option<SnapshotId>,
    /// The newest that was asked for no later than this.
    pub at: Option<Timestamp>,
    /// How.
    pub mode: RestoreMode,
    /// On which server, by name or id; where the data is now when absent.
    pub server: Option<String>,
    /// Whether it is only told what would change.
    pub dry_run: bool,
}

impl Orchestrator {
    /// Begins to bring a snapshot back. Answers as soon as that is recorded; see [`Orchestrator::wait_job`].
    ///
    /// # Errors
    /// `NotFound` when there is no such snapshot; `Conflict` when a workspace runs on the project (replace), or has it
    /// while the data is to move to another server; `InsufficientCapacity` when that server has no room.
    pub async fn restore_project(&self, caller: &Caller, id: ProjectId, wish: RestoreRequest) -> Result<Job> {
        caller.require(Scope::ProjectsWrite)?;
        let core = &self.core;
        core.storage()?;
        let project = core.project_of(caller, id).await?;
        let snapshot = match wish.snapshot {
            Some(id) => core.snapshot_of(caller, id).await?,
            None => core.newest_snapshot(&project, wish.at).await?,
        };
        if !snapshot.status.is_there() {
            return Err(
                Error::new(ErrorKind::Conflict, "the snapshot is not ready").hint("wait for it, or take another")
            );
        }
        let merge = wish.mode == RestoreMode::Merge;
        let step = SyncStep::Restore { snapshot: snapshot.id, merge, dry_run: wish.dry_run };
        let work = Work::Sync(vec![step]);
        let entry = core.audit_entry(caller.asks("project.restore"), project.id.as_uuid(), project.name.as_deref());
        if merge || wish.dry_run {
            let copy = filled_copy(&project)?;
            let job = core.job_row(NewJob { project: &project, copy, session: None, finishes: None, work });
            return core.begin_job(&project, job, vec![entry]).await;
        }
        core.begin_next_copy(&project, wish.server, work, entry).await
    }
}

impl Core {
    /// The newest snapshot of a project that can be restored. One that was rescued of former data is older than those
    /// of the data that followed.
    pub(in crate::orchestrator) async fn newest_snapshot(
        &self,
        project: &Project,
        at: Option<Timestamp>,
    ) -> Result<Snapshot> {
        let filter = DataFilter { owner: Some(project.owner.clone()), project: Some(project.id) };
        let mut page = PageRequest::default();
        let mut newest: Option<Snapshot> = None;
        loop {
            let found = self.store.snapshots(&filter, page).await?;
            let fits = |row: &Snapshot| {
                row.status == SnapshotStatus::Ready && row.error.is_none() && at.is_none_or(|at| row.created_at <= at)
            };
            let later = found.items.into_iter().filter(fits).chain(newest);
            newest = later.max_by_key(|row| (row.data_generation, row.created_at, row.id));
            match found.next {
                Some(after) => page.after = Some(after),
                None => break,
            }
        }
        newest.ok_or_else(|| Error::not_found("snapshot").hint("take one first; `at` must not be before the oldest"))
    }

    /// The workspace that has the project.
    pub(in crate::orchestrator) async fn workspace_with(&self, project: ProjectId) -> Result<Option<Workspace>> {
        let filter = WorkspaceFilter { project: Some(project), ..WorkspaceFilter::default() };
        let page = PageRequest { after: None, limit: 1 };
        Ok(self.store.workspaces(&filter, page).await?.items.into_iter().next())
    }

    /// The server of this name or id.
    async fn server_named(&self, wanted: &str) -> Result<ServerId> {
        let servers = self.store.servers().await?;
        let named =
            servers.iter().find(|server| server.record.spec.name == wanted || server.record.id.to_string() == wanted);
        named.map(|server| server.record.id).ok_or_else(|| {
            Error::invalid("server", format!("no such server {wanted:?}"))
                .hint("give the name or the id of a server of the fleet")
        })
    }

    /// Begins to make the copy that will follow the current one.
    async fn begin_next_copy(
        self: &Arc<Self>,
        project: &Project,
        server: Option<String>,
        work: Work,
        entry: Write,
    ) -> Result<Job> {
        let copy = filled_copy(project)?;
        let workspace = self.workspace_with(project.id).await?;
        if workspace.as_ref().is_some_and(|row| row.desired.intent == Intent::Running) {
            return Err(Error::new(ErrorKind::Conflict, "a workspace runs on the project")
                .hint("stop the workspace, or restore with mode merge"));
        }
        let row = |copy| self.job_row(NewJob { project, copy, session: None, finishes: None, work: work.clone() });
        let target = match server {
            None => copy.server,
            Some(wanted) => self.server_named(&wanted).await?,
        };
        if target == copy.server {
            return self.begin_job(project, row(project.new_copy(target)), vec![entry]).await;
        }
        if workspace.is_some() {
            return Err(Error::new(ErrorKind::Conflict, "a workspace has the project on its server")
                .hint("delete the workspace first: the data of a named project stays"));
        }
        self.begin_elsewhere(project, row(project.new_copy(target)), vec![entry]).await
    }

    /// Begins to make the copy that will follow the current one on another server, of a project as it was read.
    pub(in crate::orchestrator) async fn begin_elsewhere(
        self: &Arc<Self>,
        project: &Project,
        job: Job,
        with: Vec<Write>,
    ) -> Result<Job> {
        let (home, target) = (filled_copy(project)?.server, job.copy.server);
        let disk = self.held(home, project.id.as_uuid(), ReservationPart::Storage).await?;
        let request = PlacementRequest {
            resources: disk,
            server: Some(target.to_string()),
            required: true,
            ..PlacementRequest::default()
        };
        let mut newest = project.clone();
        loop {
            // Held by the job until the copy is the current one, by the project from then on.
            let claim = Write::Reserve {
                server: target,
                holder: job.id.as_uuid(),
                part: ReservationPart::Storage,
                resources: disk,
                even_if_cordoned: false,
            };
            let change = Change::by(self.lease.fence())
                .with_all(with.clone())
                .with(in_use(&newest))
                .with_all((disk != Resources::default()).then_some(claim))
                .with(Write::InsertJob(Box::new(job.clone())));
            match self.claim(self.config.strategy, request.clone(), |_| change.clone()).await? {
                Ok(_) => {
                    self.drive_job(job.id);
                    return Ok(job);
                }
                Err(Refused::Stale { .. }) => newest = self.with_the_same_data(project).await?,
                Err(refusal) => return Err(refused("project", &refusal)),
            }
        }
    }
}
