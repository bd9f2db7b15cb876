//! Taking a project away from its workspace.

use crate::error::Result;
use crate::id::{ProjectId, WorkspaceId};
use crate::model::{Project, Scope, Workspace};
use crate::orchestrator::refusal::refused;
use crate::orchestrator::{Caller, Orchestrator};
use crate::port::{Change, Write};

impl Orchestrator {
    /// Wants a new, empty, unnamed project mounted in a workspace instead of the one that it has, which stays as it is
    /// and is free for another workspace. Nothing happens where the workspace has an unnamed one already.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when the workspace is being deleted or switched.
    pub async fn unassign_project(&self, caller: &Caller, id: WorkspaceId) -> Result<Workspace> {
        let core = &self.core;
        let row = core.workspace_of(caller, Scope::WorkspacesWrite, id).await?;
        let has = core.store.project(row.desired.project).await?;
        if has.is_some_and(|project| project.is_unnamed()) {
            return Ok(row);
        }
        let empty = Project::new(ProjectId::from_uuid(core.env.uuid()), row.owner.clone(), None, None, core.env.now());
        let made = Change::by(core.lease.fence()).with(Write::InsertProject(empty.clone()));
        core.commit(made).await?.map_err(|refusal| refused("project", &refusal))?;
        let switched = self.switch_project(caller, id, empty.id).await;
        if switched.is_err() {
            // It never had a workspace, nor data.
            let gone = Change::by(core.lease.fence()).with(Write::RemoveProject(empty.id));
            core.commit(gone).await?.map_err(|refusal| refused("project", &refusal))?;
        }
        switched
    }
}
