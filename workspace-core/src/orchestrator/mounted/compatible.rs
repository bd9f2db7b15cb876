//! Which projects a workspace could mount.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::id::{OwnerId, ProjectId, WorkspaceId};
use crate::model::{Project, Scope};
use crate::orchestrator::mounted::check_type;
use crate::orchestrator::{Caller, Core, Orchestrator};
use crate::port::{Page, PageRequest, WorkspaceFilter};

impl Orchestrator {
    /// Projects that a workspace could be switched to now: of the same owner, of its type, without a workspace. A page
    /// may have fewer than were asked for and still have one after it.
    pub async fn compatible_projects(
        &self,
        caller: &Caller,
        id: WorkspaceId,
        page: PageRequest,
    ) -> Result<Page<Project>> {
        let row = self.core.workspace_of(caller, Scope::WorkspacesRead, id).await?;
        let mut free = self.core.unassigned_projects(Some(&row.owner), page).await?;
        free.items.retain(|project| check_type(project, row.desired.spec.template.as_deref()).is_ok());
        Ok(free)
    }
}

impl Core {
    /// Projects without a workspace that are there to stay.
    pub(in crate::orchestrator) async fn unassigned_projects(
        &self,
        owner: Option<&OwnerId>,
        page: PageRequest,
    ) -> Result<Page<Project>> {
        let filter = WorkspaceFilter { owner: owner.cloned(), ..WorkspaceFilter::default() };
        let rows = self.every_workspace(&filter).await?;
        let taken: BTreeSet<ProjectId> = rows.iter().map(|row| row.desired.project).collect();
        let mut found = self.store.projects(owner, page).await?;
        found.items.retain(|project| !project.deleted && !taken.contains(&project.id));
        Ok(found)
    }
}
