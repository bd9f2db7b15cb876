//! The step that brings the data of a workspace that moves to object storage.

use std::sync::Arc;

use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::id::JobId;
use crate::model::{Job, Move, Project, ProjectCopy, Snapshot, SnapshotProfile, SnapshotStatus, Workspace, Written};
use crate::orchestrator::Core;
use crate::orchestrator::jobs::why_not_whole;
use crate::orchestrator::projects::{data_changed, in_use};
use crate::orchestrator::refusal::refused;
use crate::port::{Change, JobFilter, PageRequest, Refused, Write};

impl Core {
    /// All of the data is in the snapshot that the way goes on with. With a file that cannot be read it is not: that
    /// file would be lost.
    pub(in crate::orchestrator::converge) async fn written(self: &Arc<Self>, row: &Workspace) -> Result<()> {
        let Some(way) = row.desired.switch.and_then(|switch| switch.way()) else { return Ok(()) };
        let project = self.project_of_row(row).await?;
        let here = |copy: &ProjectCopy| copy.filled && Some(copy.server) == row.desired.server;
        let Some(copy) = project.copy.clone().filter(here) else { return Ok(()) };
        if self.unfinished(way.job).await?.is_some() {
            return Ok(());
        }
        let known = match way.written {
            Some(written) => {
                self.store.snapshot(written.snapshot).await?.filter(|known| fits(known, written, &project))
            }
            None => None,
        };
        let snapshot = match known {
            Some(known) => known,
            None => self.begin_to_write(row, way, project, copy).await?,
        };
        self.job_finished(snapshot.job).await?;
        let snapshot = self.store.snapshot(snapshot.id).await?.ok_or_else(data_changed)?;
        match snapshot.status {
            SnapshotStatus::Ready => Ok(()),
            _ => Err(why_not_whole(&snapshot).unwrap_or_else(data_changed)),
        }
    }

    /// The job that makes the next copy, while it is at work.
    pub(super) async fn unfinished(&self, job: Option<JobId>) -> Result<Option<Job>> {
        let Some(id) = job else { return Ok(None) };
        Ok(self.store.job(id).await?.filter(|job| !job.status.is_finished()))
    }

    pub(super) async fn project_of_row(&self, row: &Workspace) -> Result<Project> {
        let project = self.store.project(row.desired.project).await?;
        project.filter(|project| !project.deleted).ok_or_else(|| Error::not_found("project"))
    }

    /// Begins the snapshot when nobody writes into the data; whoever begins to from now on counts the project's
    /// revision up.
    async fn begin_to_write(
        self: &Arc<Self>,
        row: &Workspace,
        way: Move,
        project: Project,
        copy: ProjectCopy,
    ) -> Result<Snapshot> {
        if self.is_written_into(&project).await? {
            return Err(Error::new(ErrorKind::ProjectBusy, "a job works on the project"));
        }
        let message = Some(format!("before it moves: {}", way.cause.name()));
        let (job, snapshot) = self.snapshot_job(&project, copy, SnapshotProfile::Full, message);
        let written = Written { snapshot: snapshot.id, revision: project.revision + 1 };
        let data = json!({ "snapshot": snapshot.id, "job": job.id });
        let change = Change::by(self.lease.fence())
            .with(self.on_its_way(row, Move { written: Some(written), job: None, ..way }, None))
            .with(in_use(&project))
            .with(Write::PutSnapshot(Box::new(snapshot.clone())))
            .with(Write::InsertJob(Box::new(job.clone())))
            .with(Write::Append(self.event(row.id.as_uuid(), "workspace.snapshot_started", data)));
        match self.commit(change).await? {
            Ok(_) => {
                self.drive_job(job.id);
                self.drive(row.id);
                Ok(snapshot)
            }
            Err(Refused::Stale { .. } | Refused::ProjectBusy) => Err(data_changed()),
            Err(refusal) => Err(refused("project", &refusal)),
        }
    }

    /// Whether a job that is not finished writes into a project's data.
    pub(in crate::orchestrator) async fn is_written_into(&self, project: &Project) -> Result<bool> {
        let filter = JobFilter { project: Some(project.id), finished: Some(false), ..JobFilter::default() };
        let mut page = PageRequest::default();
        loop {
            let found = self.store.jobs(&filter, page).await?;
            if found.items.iter().any(|job| job.work.writes()) {
                return Ok(true);
            }
            match found.next {
                Some(after) => page.after = Some(after),
                None => return Ok(false),
            }
        }
    }
}

/// Whether a snapshot has, or will have, all of the data as it is now.
fn fits(known: &Snapshot, written: Written, project: &Project) -> bool {
    let is_good = matches!(known.status, SnapshotStatus::Creating | SnapshotStatus::Ready);
    is_good && written.revision == project.revision
}
