//! Giving a workspace another project.

use crate::error::{Error, ErrorKind, Result};
use crate::id::{ProjectId, WorkspaceId};
use crate::model::{Desired, Intent, Project, Scope, Status, Switch, SwitchTo, Workspace};
use crate::orchestrator::intent::Verdict;
use crate::orchestrator::{Caller, Core, Orchestrator};

impl Orchestrator {
    /// Wants another project mounted in a workspace: it is stopped, goes to the server that has the project's data, and
    /// is started again if it ran. The project that it had stays as it is, also an unnamed one. When it cannot be, the
    /// workspace stays stopped with the project that it had, and its `error` says why.
    ///
    /// # Errors
    /// Nothing changes when it fails: `NotFound` (also another owner's project), `Invalid` (a project of another type),
    /// `Conflict` (the project has a workspace; the workspace is being deleted or switched).
    pub async fn switch_project(&self, caller: &Caller, id: WorkspaceId, to: ProjectId) -> Result<Workspace> {
        let row = self.core.workspace_of(caller, Scope::WorkspacesWrite, id).await?;
        self.core.check_switch(caller, &row, to).await?;
        self.core
            .decide(row, None, Some(caller.asks("workspace.switch")), |row| {
                if row.desired.intent == Intent::Deleted {
                    return Err(Error::new(ErrorKind::Conflict, "the workspace is being deleted")
                        .hint("make another workspace with the project"));
                }
                if row.desired.switch.is_some() {
                    return Err(Error::new(ErrorKind::Conflict, "the workspace is being switched or moved already")
                        .hint("wait until that is done"));
                }
                if row.desired.project == to {
                    return Ok(None);
                }
                let switch = Some(Switch { to: SwitchTo::Project(to), start: row.desired.intent == Intent::Running });
                let desired = Desired { intent: Intent::Stopped, switch, ..row.desired.clone() };
                Ok(Some(Verdict { desired, status: Some(Status::Stopping), event: "workspace.switching" }))
            })
            .await
    }
}

impl Core {
    async fn check_switch(&self, caller: &Caller, row: &Workspace, to: ProjectId) -> Result<()> {
        let project = self.project_of(caller, to).await?;
        if project.owner != row.owner {
            return Err(Error::not_found("project"));
        }
        check_type(&project, row.desired.spec.template.as_deref())?;
        match self.workspace_with(to).await?.filter(|other| other.id != row.id) {
            None => Ok(()),
            Some(other) => {
                let message = format!("the project belongs to workspace {}", other.desired.name);
                Err(Error::new(ErrorKind::Conflict, message).hint("delete that workspace, or clone the project"))
            }
        }
    }
}

/// A project of a type is for workspaces of that type alone.
pub(in crate::orchestrator) fn check_type(project: &Project, template: Option<&str>) -> Result<()> {
    match project.template.as_deref() {
        Some(wanted) if Some(wanted) != template => {
            let has = template.unwrap_or("no type");
            let message = format!("the project is for workspaces of type {wanted}, and this one has {has}");
            Err(Error::invalid("project", message)
                .hint(format!("take a workspace of type {wanted}, or another project")))
        }
        _ => Ok(()),
    }
}
