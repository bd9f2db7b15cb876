//! Giving a project to a workspace that has none of its user's.

use crate::error::{Error, ErrorKind, Result};
use crate::id::{ProjectId, WorkspaceId};
use crate::model::{Project, Scope, Workspace};
use crate::orchestrator::{Caller, Orchestrator};

impl Orchestrator {
    /// Wants a project mounted in a workspace that has an unnamed one, as [`Orchestrator::switch_project`] does. A
    /// project for workspaces of any type is from then on one for workspaces of this type.
    ///
    /// # Errors
    /// Those of a switch; `Conflict` when the workspace has a named project, which only a switch replaces.
    pub async fn assign_project(&self, caller: &Caller, id: WorkspaceId, to: ProjectId) -> Result<Workspace> {
        let row = self.core.workspace_of(caller, Scope::WorkspacesWrite, id).await?;
        if row.desired.project == to {
            return Ok(row);
        }
        let has = self.core.store.project(row.desired.project).await?;
        if let Some(name) = has.and_then(|project| project.name) {
            let message = format!("the workspace has project {name}");
            return Err(Error::new(ErrorKind::Conflict, message)
                .hint("switch-project gives it another one, unassign-project takes this one away"));
        }
        let switched = self.switch_project(caller, id, to).await?;
        let Some(template) = row.desired.spec.template else { return Ok(switched) };
        let typed = |project: &Project| {
            let template = project.template.clone().or_else(|| Some(template.clone()));
            Ok(Project { template, ..project.clone() })
        };
        self.core.edit_project(caller.asks("project.update"), to, None, typed).await?;
        Ok(switched)
    }
}
