//! Editing a project.

use crate::error::{Error, Result};
use crate::id::ProjectId;
use crate::model::{GitAccess, GitSource, Project, ProjectSource, Scope};
use crate::orchestrator::audit::Asked;
use crate::orchestrator::mounted::check_type;
use crate::orchestrator::refusal::refused;
use crate::orchestrator::{Caller, Core, Orchestrator, validate};
use crate::port::Refused;

use super::git_source::check_access;
use super::in_use::in_use;

/// What to change of a project; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectPatch {
    /// A new name. An unnamed project that gets one no longer goes with its workspace.
    pub name: Option<String>,
    /// The type of workspaces that it is for.
    pub template: Option<String>,
    /// Another way into its git repository.
    pub git_access: Option<GitAccess>,
}

impl Orchestrator {
    /// Edits a project; with `if_match` only if it is at this revision. Its data is not touched.
    ///
    /// # Errors
    /// `Invalid` (also a type that its workspace does not have, a token for a project that is not from git),
    /// `NameTaken`, `RevisionMismatch`.
    pub async fn patch_project(
        &self,
        caller: &Caller,
        id: ProjectId,
        patch: ProjectPatch,
        if_match: Option<u64>,
    ) -> Result<Project> {
        caller.require(Scope::ProjectsWrite)?;
        if let Some(name) = &patch.name {
            validate::name("name", name)?;
        }
        self.core.check_template("type", patch.template.as_deref())?;
        let workspace = self.core.workspace_with(id).await?;
        let edit = |project: &Project| {
            let next = patched(project, &patch)?;
            match &workspace {
                Some(row) if patch.template.is_some() => check_type(&next, row.desired.spec.template.as_deref())?,
                _ => {}
            }
            Ok(next)
        };
        self.core.edit_project(caller.asks("project.update"), id, if_match, edit).await
    }
}

fn patched(project: &Project, patch: &ProjectPatch) -> Result<Project> {
    let mut next = project.clone();
    next.name = patch.name.clone().or(next.name);
    next.template = patch.template.clone().or(next.template);
    if let Some(access) = &patch.git_access {
        let Some(ProjectSource::Git(git)) = &mut next.source else {
            let hint = "leave `token` and `ssh_key` out";
            return Err(Error::invalid(access.field(), "the project is not from git").hint(hint));
        };
        *git = GitSource { access: Some(access.clone()), ..git.clone() };
        check_access(git, "")?;
    }
    Ok(next)
}

impl Core {
    /// Replaces the caller's project by what `edit` makes of the newest.
    pub(in crate::orchestrator) async fn edit_project(
        &self,
        asked: Asked<'_>,
        id: ProjectId,
        if_match: Option<u64>,
        edit: impl Fn(&Project) -> Result<Project> + Send + Sync,
    ) -> Result<Project> {
        loop {
            let project = self.project_of(asked.caller, id).await?;
            if if_match.is_some_and(|expected| expected != project.revision) {
                return Err(refused("project", &Refused::Stale { current: project.revision }));
            }
            let next = edit(&project)?;
            if next == project {
                return Ok(project);
            }
            let change = self.asked(asked, id.as_uuid(), next.name.as_deref()).with(in_use(&next));
            match self.commit(change).await? {
                Ok(_) => return Ok(Project { revision: next.revision + 1, ..next }),
                Err(Refused::Stale { .. }) if if_match.is_none() => {}
                Err(refusal) => return Err(refused("project", &refusal)),
            }
        }
    }
}
