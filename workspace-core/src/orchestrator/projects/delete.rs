//! Deleting a project.

use crate::error::{Error, ErrorKind, Result};
use crate::id::ProjectId;
use crate::model::{Project, Scope};
use crate::orchestrator::refusal::refused;
use crate::orchestrator::{Caller, Orchestrator};
use crate::port::{JobFilter, PageRequest, Refused, WorkspaceFilter, Write};

impl Orchestrator {
    /// Wants a project gone with its data; its snapshots stay. The volume is removed in the background, again and
    /// again until its server has done so.
    ///
    /// # Errors
    /// `Conflict` while a workspace has it, `ProjectBusy` while a job works on it.
    pub async fn delete_project(&self, caller: &Caller, id: ProjectId) -> Result<()> {
        caller.require(Scope::ProjectsWrite)?;
        let core = &self.core;
        loop {
            let project = core.project_of(caller, id).await?;
            let one = PageRequest { after: None, limit: 1 };
            let filter = WorkspaceFilter { project: Some(id), ..WorkspaceFilter::default() };
            if let Some(workspace) = core.store.workspaces(&filter, one).await?.items.first() {
                let name = &workspace.desired.name;
                return Err(Error::new(ErrorKind::Conflict, format!("workspace {name} has the project"))
                    .hint("delete the workspace first"));
            }
            let filter = JobFilter { project: Some(id), finished: Some(false), ..JobFilter::default() };
            if !core.store.jobs(&filter, one).await?.items.is_empty() {
                return Err(refused("project", &Refused::ProjectBusy));
            }
            let expected = project.revision;
            let gone = Project { deleted: true, ..project };
            let asked = core.asked(caller.asks("project.delete"), id.as_uuid(), gone.name.as_deref());
            match core.commit(asked.with(Write::UpdateProject { project: gone, expected })).await? {
                Ok(_) => break,
                Err(Refused::Stale { .. }) => {}
                Err(refusal) => return Err(refused("project", &refusal)),
            }
        }
        if let Err(error) = core.tidy_project(id).await {
            tracing::info!(project = %id, error = error.chain(), "data not removed yet; trying again later");
        }
        Ok(())
    }
}
