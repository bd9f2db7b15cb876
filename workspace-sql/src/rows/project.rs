//! Projects.

use workspace_core::error::Result;
use workspace_core::id::ProjectId;
use workspace_core::model::{GitAccess, Project, ProjectSource};
use workspace_core::secret::Secret;

use crate::seal::Vault;
use crate::value::{Row, json};

/// What [`project`] reads.
pub(crate) const PROJECT: &str = "record, sealed";

/// A project as it is written: its secret apart and sealed.
pub(crate) struct SealedProject {
    pub(crate) text: String,
    pub(crate) sealed: Option<Vec<u8>>,
}

fn place(id: ProjectId) -> String {
    format!("project {id}")
}

impl SealedProject {
    pub(crate) fn new(vault: &Vault, project: &Project) -> Result<Self> {
        let mut project = project.clone();
        let access = match &mut project.source {
            Some(ProjectSource::Git(git)) => git.access.take(),
            _ => None,
        };
        let seal = |access: &GitAccess| vault.seal(&place(project.id), &Secret::new(json(access)?));
        let sealed = access.as_ref().map(seal).transpose()?;
        Ok(Self { text: json(&project)?, sealed })
    }
}

pub(crate) fn project(vault: &Vault, row: &mut Row) -> Result<Project> {
    let mut project: Project = row.json()?;
    if let (Some(ProjectSource::Git(git)), Some(sealed)) = (&mut project.source, row.opt_bytes()?) {
        let opened = vault.open(&place(project.id), &sealed)?;
        // Before there were keys for ssh, the token itself was sealed.
        let access = serde_json::from_str(opened.reveal()).unwrap_or(GitAccess::Token(opened));
        git.access = Some(access);
    }
    Ok(project)
}
