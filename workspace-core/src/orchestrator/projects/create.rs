//! Making a project.

use crate::error::{Error, Result};
use crate::id::{OwnerId, ProjectId};
use crate::model::{Project, ProjectSource, Scope};
use crate::orchestrator::refusal::refused;
use crate::orchestrator::workspaces::Idempotency;
use crate::orchestrator::{Caller, Core, Orchestrator, validate};
use crate::port::{Refused, Write};

use super::git_source::check_git;

/// A project to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewProject {
    /// The name, unique per owner.
    pub name: String,
    /// For whom; only administrators may act for others.
    pub owner: Option<OwnerId>,
    /// The type of workspaces that it is for; any when absent.
    pub template: Option<String>,
    /// What its first copy is filled from; an empty project when absent.
    pub source: Option<ProjectSource>,
}

impl Orchestrator {
    /// Records a project. Its data is fetched when the first workspace or agent needs it.
    ///
    /// # Errors
    /// Nothing is made when it fails: `Invalid`, `NameTaken`, `NotFound` (the snapshot), `IdempotencyMismatch`.
    pub async fn create_project(
        &self,
        caller: &Caller,
        new: NewProject,
        idempotency: Option<Idempotency>,
    ) -> Result<Project> {
        caller.require(Scope::ProjectsWrite)?;
        let core = &self.core;
        validate::name("name", &new.name)?;
        let owner = caller.acting_for(new.owner)?;
        core.check_template("type", new.template.as_deref())?;
        core.check_source(caller, new.source.as_ref()).await?;
        let id = ProjectId::from_uuid(core.env.uuid());
        let project =
            Project { template: new.template, ..Project::new(id, owner, Some(new.name), new.source, core.env.now()) };
        let record = idempotency.map(|key| key.record(caller.owner_id().clone(), project.id.as_uuid(), core.env.now()));
        if let Some(known) = core.remembered(record.as_ref()).await? {
            return core.project_of(caller, ProjectId::from_uuid(known)).await;
        }
        let change = core
            .asked(caller.asks("project.create"), project.id.as_uuid(), project.name.as_deref())
            .with_all(record.clone().map(Write::Remember))
            .with(Write::InsertProject(project.clone()));
        match core.commit(change).await? {
            Ok(_) => Ok(project),
            Err(Refused::Remembered(other)) => {
                let known = Idempotency::same(&other, record.as_ref())?;
                core.project_of(caller, ProjectId::from_uuid(known)).await
            }
            Err(refusal) => Err(refused("project", &refusal)),
        }
    }
}

impl Core {
    async fn check_source(&self, caller: &Caller, source: Option<&ProjectSource>) -> Result<()> {
        match source {
            None => Ok(()),
            Some(ProjectSource::Git(git)) => check_git(git),
            Some(ProjectSource::Snapshot(id)) => {
                self.storage()?;
                let snapshot = self.snapshot_of(caller, *id).await?;
                if snapshot.status.is_there() {
                    return Ok(());
                }
                Err(Error::invalid("source.snapshot", "the snapshot is not ready").hint("wait for it, or take another"))
            }
        }
    }
}
