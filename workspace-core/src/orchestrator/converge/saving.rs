//! The step that writes a stopped workspace's data to object storage: a job beside the data.

use std::sync::Arc;

use serde_json::json;
use tokio::time::timeout;

use crate::error::{Error, Result};
use crate::id::SnapshotId;
use crate::model::{Project, ProjectCopy, SavedOnStop, SnapshotProfile, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::projects::in_use;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Refused, Write};

/// What is said of a snapshot that a stop takes.
const MESSAGE: &str = "on stop";

impl Core {
    /// The data as the generation left it is in object storage, where the project's policy wants that. What cannot be
    /// written is told and holds the stop up no longer than the configuration allows: the data stays where it is.
    pub(super) async fn saved(self: &Arc<Self>, row: &Workspace) -> Result<()> {
        let wants = |project: &Project| project.backup.on_stop && row.observed.generation > 0;
        let project = self.store.project(row.desired.project).await?.filter(wants);
        let filled = |project: &Project| project.copy.clone().filter(|copy| copy.filled);
        let Some((project, copy)) = project.and_then(|project| Some((project.clone(), filled(&project)?))) else {
            return Ok(());
        };
        let of_this = |saved: &SavedOnStop| saved.workspace == row.id && saved.generation == row.desired.generation;
        let snapshot = match project.saved.filter(of_this) {
            Some(saved) => saved.snapshot,
            None => self.begin_to_save(row, project, copy).await?,
        };
        // One that was deleted meanwhile is nothing to wait for.
        let Some(snapshot) = self.store.snapshot(snapshot).await? else { return Ok(()) };
        match timeout(self.config.stop_snapshot_wait, self.job_finished(snapshot.job)).await {
            Ok(finished) => finished.map(|_| ()),
            Err(_elapsed) => {
                tracing::warn!(workspace = %row.id, snapshot = %snapshot.id, "stopped without waiting for its snapshot");
                Ok(())
            }
        }
    }

    /// Records the snapshot and its job, once for each generation.
    async fn begin_to_save(
        self: &Arc<Self>,
        row: &Workspace,
        mut project: Project,
        copy: ProjectCopy,
    ) -> Result<SnapshotId> {
        let message = Some(MESSAGE.to_owned());
        let (job, row_of) = self.snapshot_job(&project, copy.clone(), SnapshotProfile::Full, message);
        let snapshot = row_of.id;
        let data = json!({ "snapshot": snapshot, "job": job.id });
        let started = self.event(row.id.as_uuid(), "workspace.snapshot_started", data);
        loop {
            let saved = SavedOnStop { workspace: row.id, generation: row.desired.generation, snapshot };
            let change = Change::by(self.lease.fence())
                .with(in_use(&Project { saved: Some(saved), ..project.clone() }))
                .with(Write::PutSnapshot(Box::new(row_of.clone())))
                .with(Write::InsertJob(Box::new(job.clone())))
                .with(Write::Append(started.clone()));
            match self.commit(change).await? {
                Ok(_) => {
                    self.drive_job(job.id);
                    return Ok(snapshot);
                }
                Err(Refused::Stale { .. }) => {
                    project = self.store.project(project.id).await?.ok_or_else(|| Error::not_found("project"))?;
                    // Another master was faster; or other data took the place of what was to be saved.
                    if let Some(other) = project
                        .saved
                        .filter(|other| other.workspace == row.id && other.generation == row.desired.generation)
                    {
                        return Ok(other.snapshot);
                    }
                    if project.copy.as_ref() != Some(&copy) {
                        return Err(crate::orchestrator::projects::data_changed());
                    }
                }
                Err(refusal) => return Err(refused("project", &refusal)),
            }
        }
    }
}
