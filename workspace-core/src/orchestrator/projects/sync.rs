//! Moving a project's data to and from its remote.

use crate::error::{Error, ErrorKind, Result};
use crate::id::{ProjectId, SnapshotId};
use crate::model::{Job, Project, ProjectCopy, Scope, SnapshotProfile, SyncStep, Work};
use crate::orchestrator::jobs::{NewJob, git_source};
use crate::orchestrator::{Caller, Orchestrator};
use crate::port::Write;

/// Which remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncKind {
    /// The project's git repository.
    Git,
    /// Object storage.
    Snapshot,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncDirection {
    /// From the remote into the project.
    Pull,
    /// From the project to the remote.
    Push,
}

/// A sync to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncWish {
    /// Which remote.
    pub kind: SyncKind,
    /// Which way.
    pub direction: SyncDirection,
    /// What to say of the commit or snapshot.
    pub message: Option<String>,
    /// The branch to commit on and push to; the current one when absent.
    pub branch: Option<String>,
}

impl Orchestrator {
    /// Begins to move a project's data. Answers as soon as that is recorded; see [`Orchestrator::wait_job`].
    ///
    /// # Errors
    /// `Conflict` when the project has no data yet or no such remote, `ProjectBusy` while another job writes into it.
    pub async fn sync_project(&self, caller: &Caller, id: ProjectId, wish: SyncWish) -> Result<Job> {
        caller.require(Scope::ProjectsWrite)?;
        let core = &self.core;
        let project = core.project_of(caller, id).await?;
        let copy = filled_copy(&project)?;
        let mut beside = vec![core.audit_entry(caller.asks("project.sync"), id.as_uuid(), project.name.as_deref())];
        let step = match (wish.kind, wish.direction) {
            (SyncKind::Git, SyncDirection::Pull) => {
                git_source(&project)?;
                SyncStep::Pull
            }
            (SyncKind::Git, SyncDirection::Push) => {
                git_source(&project)?;
                let message = wish.message.clone().unwrap_or_else(|| "work in progress".to_owned());
                SyncStep::Push { message, branch: wish.branch.clone(), publish: true }
            }
            (SyncKind::Snapshot, SyncDirection::Push) => {
                core.storage()?;
                let snapshot = SnapshotId::from_uuid(core.env.uuid());
                SyncStep::Snapshot { snapshot, profile: SnapshotProfile::Full, message: wish.message.clone() }
            }
            (SyncKind::Snapshot, SyncDirection::Pull) => {
                core.storage()?;
                let snapshot = core.newest_snapshot(&project, None).await?;
                SyncStep::Restore { snapshot: snapshot.id, merge: true, dry_run: false }
            }
        };
        let work = Work::Sync(vec![step.clone()]);
        let job = core.job_row(NewJob { project: &project, copy, session: None, finishes: None, work });
        if let SyncStep::Snapshot { snapshot, profile, message } = step {
            beside.push(Write::PutSnapshot(Box::new(core.snapshot_row(&job, snapshot, profile, message))));
        }
        core.begin_job(&project, job, beside).await
    }
}

/// The current copy of a project that has data.
pub(super) fn filled_copy(project: &Project) -> Result<ProjectCopy> {
    let copy = project.copy.clone().filter(|copy| copy.filled && !project.deleted);
    copy.ok_or_else(|| {
        Error::new(ErrorKind::Conflict, "the project has no data yet")
            .hint("start a workspace with it, or execute an agent on it: that fetches the data")
    })
}
