//! Whose is it: the one place where ownership is checked.

use crate::error::{Error, Result};
use crate::id::{OwnerId, ProjectId, WorkspaceId};
use crate::model::{Project, Scope, Status, Workspace};
use crate::orchestrator::{Caller, Core};

impl Caller {
    /// Whether the caller may see what this owner has.
    pub(super) fn may_see(&self, owner: &OwnerId) -> bool {
        self.is_admin() || self.owner_id() == owner
    }
}

impl Core {
    /// The caller's workspace. A foreign one, a deleted one and a missing one are the same.
    pub(super) async fn workspace_of(&self, caller: &Caller, scope: Scope, id: WorkspaceId) -> Result<Workspace> {
        caller.require(scope)?;
        let row = self.store.workspace(id).await?;
        row.filter(|row| row.observed.status != Status::Deleted && caller.may_see(&row.owner))
            .ok_or_else(|| Error::not_found("workspace"))
    }

    /// The caller's project. A foreign one, a deleted one and a missing one are the same.
    pub(super) async fn project_of(&self, caller: &Caller, id: ProjectId) -> Result<Project> {
        let row = self.store.project(id).await?;
        row.filter(|row| !row.deleted && caller.may_see(&row.owner)).ok_or_else(|| Error::not_found("project"))
    }
}
