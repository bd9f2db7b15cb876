//! The step that fills the volume of a project's copy: a job beside the data.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::id::{JobId, SnapshotId};
use crate::model::{Job, JobStatus, Observed, Project, ProjectCopy, SnapshotStatus, Status, SyncStep, Work, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::jobs::NewJob;
use crate::orchestrator::projects::{data_changed, in_use};
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Refused, Write};

impl Core {
    /// A workspace is never started without its data: waits for the job that fills the copy, and records one when
    /// there is none.
    pub(super) async fn filled(self: &Arc<Self>, row: &Workspace) -> Result<()> {
        let (project, copy) = self.copy(row).await?;
        if copy.filled {
            return Ok(());
        }
        if copy.filled_by.is_none() && project.begins_empty() {
            return self.begin_empty(project, copy).await;
        }
        let filling = self.shown(row, Status::Filling).await?;
        let id = match copy.filled_by {
            Some(id) => id,
            None => self.begin_to_fill(project, copy).await?,
        };
        let job = self.job_finished(id).await?;
        self.shown(&filling, Status::Starting).await?;
        ended_well(&job)
    }

    /// The row with a transient status that it did not have. One that changed meanwhile is not driven on from here.
    async fn shown(&self, row: &Workspace, status: Status) -> Result<Workspace> {
        self.show(row, status).await?;
        Ok(Workspace { observed: Observed { status, ..row.observed.clone() }, ..row.clone() })
    }

    /// There is nothing to fill the copy with: it is whole as soon as its volume is there.
    async fn begin_empty(&self, project: Project, copy: ProjectCopy) -> Result<()> {
        let next = Project { copy: Some(ProjectCopy { filled: true, ..copy }), ..project };
        match self.commit(Change::by(self.lease.fence()).with(in_use(&next))).await? {
            Ok(_) => Ok(()),
            Err(Refused::Stale { .. }) => Err(data_changed()),
            Err(refusal) => Err(refused("project", &refusal)),
        }
    }

    async fn begin_to_fill(self: &Arc<Self>, project: Project, copy: ProjectCopy) -> Result<JobId> {
        let step = match project.first_snapshot() {
            Some(snapshot) => {
                self.no_longer_written(snapshot).await?;
                SyncStep::Restore { snapshot, merge: false, dry_run: false }
            }
            None => SyncStep::Clone,
        };
        let work = Work::Sync(vec![step]);
        let job = self.job_row(NewJob { project: &project, copy: copy.clone(), session: None, finishes: None, work });
        let next = Project { copy: Some(ProjectCopy { filled_by: Some(job.id), ..copy }), ..project.clone() };
        let change = Change::by(self.lease.fence())
            .with(Write::UpdateProject { expected: project.revision, project: next })
            .with(Write::InsertJob(Box::new(job.clone())));
        match self.commit(change).await? {
            Ok(_) => {
                self.drive_job(job.id);
                Ok(job.id)
            }
            // Another job is at work on it, or was a moment ago: the next pass looks again.
            Err(Refused::Stale { .. } | Refused::ProjectBusy) => {
                Err(Error::new(ErrorKind::ProjectBusy, "another job works on the project"))
            }
            Err(refusal) => Err(refused("project", &refusal)),
        }
    }

    /// Waits while a snapshot is being written.
    async fn no_longer_written(&self, id: SnapshotId) -> Result<()> {
        match self.store.snapshot(id).await? {
            Some(snapshot) if snapshot.status == SnapshotStatus::Creating => {
                self.job_finished(snapshot.job).await.map(|_| ())
            }
            _ => Ok(()),
        }
    }

    /// Waits until a job is over, whichever master drives it.
    pub(in crate::orchestrator) async fn job_finished(&self, id: JobId) -> Result<Job> {
        let mut news = self.hub.subscribe(id.as_uuid());
        loop {
            news.mark_heard();
            let job = self.store.job(id).await?.ok_or_else(|| Error::not_found("job"))?;
            if job.status.is_finished() {
                return Ok(job);
            }
            let Some(tasks) = self.tasks.upgrade() else {
                return Err(Error::new(ErrorKind::Cancelled, "the fleet shuts down"));
            };
            let stopping = tasks.stopping();
            drop(tasks);
            if stopping.is_raised() {
                return Err(Error::new(ErrorKind::Cancelled, "the fleet shuts down").hint("ask again"));
            }
            self.pause(&mut news, &stopping).await;
        }
    }
}

/// What stood against a finished job that was to fill a copy.
pub(super) fn ended_well(job: &Job) -> Result<()> {
    match (job.status, job.error.as_ref().or_else(|| job.reports.iter().find_map(|report| report.error.as_ref()))) {
        (JobStatus::Succeeded, _) => Ok(()),
        (_, Some(problem)) => Err(Error::from(problem)),
        (_, None) => Err(Error::new(ErrorKind::Conflict, "the project was not filled").hint("start it again")),
    }
}
