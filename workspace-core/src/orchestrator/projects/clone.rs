//! Cloning a project.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::id::{ProjectId, SnapshotId};
use crate::model::{Job, Project, Scope, Snapshot, SnapshotProfile};
use crate::orchestrator::projects::in_use;
use crate::orchestrator::refusal::refused;
use crate::orchestrator::workspaces::Idempotency;
use crate::orchestrator::{Caller, Core, Orchestrator, validate};
use crate::port::{Refused, Write};

/// What a clone gets of the other project's data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CloneFrom {
    /// The data as it is now: a snapshot is taken for it.
    #[default]
    Copy,
    /// The newest snapshot that there is.
    Newest,
    /// This snapshot.
    Snapshot(SnapshotId),
}

/// A clone to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloneRequest {
    /// The new project's name, unique per owner.
    pub name: String,
    /// What it gets.
    pub from: CloneFrom,
}

/// What is said of a snapshot that is taken for a clone.
const MESSAGE: &str = "for a clone";

impl Orchestrator {
    /// Records a project with the data of another one, the same remote and the same owner. The data is fetched when the
    /// first workspace or agent needs it, on any server; that waits for the snapshot where one is taken for it.
    ///
    /// # Errors
    /// Nothing is made when it fails: `Invalid` (the name; a snapshot of another project), `NameTaken`, `NotFound`,
    /// `Conflict` (the snapshot is not ready), `IdempotencyMismatch`.
    pub async fn clone_project(
        &self,
        caller: &Caller,
        id: ProjectId,
        wish: CloneRequest,
        idempotency: Option<Idempotency>,
    ) -> Result<Project> {
        caller.require(Scope::ProjectsWrite)?;
        let core = &self.core;
        validate::name("name", &wish.name)?;
        loop {
            let origin = core.project_of(caller, id).await?;
            let mut clone = Project {
                template: origin.template.clone(),
                ..Project::new(
                    ProjectId::from_uuid(core.env.uuid()),
                    origin.owner.clone(),
                    Some(wish.name.clone()),
                    origin.source.clone(),
                    core.env.now(),
                )
            };
            let key = idempotency.clone();
            let record = key.map(|key| key.record(caller.owner_id().clone(), clone.id.as_uuid(), core.env.now()));
            if let Some(known) = core.remembered(record.as_ref()).await? {
                return core.project_of(caller, ProjectId::from_uuid(known)).await;
            }
            let taken = core.seed(caller, &origin, wish.from, &mut clone).await?;
            let asked = core.asked(caller.asks("project.clone"), clone.id.as_uuid(), clone.name.as_deref());
            let mut change = asked.with_all(record.clone().map(Write::Remember));
            if let Some((row, job)) = &taken {
                change = change
                    .with(in_use(&origin))
                    .with(Write::PutSnapshot(Box::new(row.clone())))
                    .with(Write::InsertJob(Box::new(job.clone())));
            }
            match core.commit(change.with(Write::InsertProject(clone.clone()))).await? {
                Ok(_) => {
                    if let Some((_, job)) = &taken {
                        core.drive_job(job.id);
                    }
                    return Ok(clone);
                }
                Err(Refused::Remembered(other)) => {
                    let known = Idempotency::same(&other, record.as_ref())?;
                    return core.project_of(caller, ProjectId::from_uuid(known)).await;
                }
                Err(Refused::Stale { .. }) => {}
                Err(refusal) => return Err(refused("project", &refusal)),
            }
        }
    }
}

impl Core {
    /// Says what a clone is filled from; answers with the snapshot that is taken for it, and its job.
    async fn seed(
        self: &Arc<Self>,
        caller: &Caller,
        origin: &Project,
        from: CloneFrom,
        clone: &mut Project,
    ) -> Result<Option<(Snapshot, Job)>> {
        let snapshot = match from {
            CloneFrom::Newest => self.newest_snapshot(origin, None).await?,
            CloneFrom::Snapshot(id) => self.snapshot_of(caller, id).await?,
            CloneFrom::Copy => {
                let Some(copy) = origin.copy.clone().filter(|copy| copy.filled) else {
                    // Nothing was ever changed: it begins as the other will.
                    clone.seed = origin.seed;
                    return Ok(None);
                };
                self.storage()?;
                let message = Some(MESSAGE.to_owned());
                let (job, snapshot) = self.snapshot_job(origin, copy, SnapshotProfile::Full, message);
                clone.seed = Some(snapshot.id);
                return Ok(Some((snapshot, job)));
            }
        };
        if snapshot.project != origin.id {
            return Err(Error::invalid("snapshot", "the snapshot is of another project")
                .hint("give one of this project's snapshots, `newest`, or nothing for the data as it is now"));
        }
        if !snapshot.status.is_there() {
            return Err(
                Error::new(ErrorKind::Conflict, "the snapshot is not ready").hint("wait for it, or take another")
            );
        }
        self.storage()?;
        clone.seed = Some(snapshot.id);
        Ok(None)
    }
}
