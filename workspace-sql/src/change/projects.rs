//! Writes of projects.

use workspace_core::id::ProjectId;
use workspace_core::model::Project;
use workspace_core::port::Refused;

use crate::backend::Session;
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::rows::SealedProject;
use crate::seal::Vault;
use crate::value::{Value, values};

/// The table with the columns of [`project_columns`].
pub(crate) const PROJECTS: &str = "@projects (id, owner, name, revision, record, sealed)";

/// A project as it is written.
pub(crate) fn project_columns(vault: &Vault, project: &Project) -> Result<Vec<Value>, Fault> {
    let written = SealedProject::new(vault, project)?;
    let (id, owner) = (project.id.as_uuid(), project.owner.as_str());
    Ok(values![id, owner, project.name.clone(), project.revision, written.text, written.sealed])
}

impl<S: Session> Cursor<'_, S> {
    pub(crate) async fn insert_project(&mut self, project: &Project) -> Result<(), Fault> {
        let sql = format!("INSERT INTO {PROJECTS} VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id");
        let values = project_columns(self.vault, project)?;
        self.row(&sql, values).await?.map(|_| ()).ok_or(Fault::Refused(Refused::NameTaken))
    }

    pub(crate) async fn update_project(&mut self, project: &Project, expected: u64) -> Result<(), Fault> {
        let id = project.id.as_uuid();
        let row = self.row("SELECT revision FROM @projects WHERE id = $1 #lock", values![id]).await?;
        let current = row.ok_or(Refused::NotFound)?.count()?;
        if current != expected {
            return Err(Refused::Stale { current }.into());
        }
        if let Some(name) = &project.name {
            let sql = "SELECT id FROM @projects WHERE owner = $1 AND name = $2 AND id <> $3";
            if self.row(sql, values![project.owner.as_str(), name.as_str(), id]).await?.is_some() {
                return Err(Refused::NameTaken.into());
            }
        }
        let project = Project { revision: expected + 1, ..project.clone() };
        let sql = "UPDATE @projects SET owner = $2, name = $3, revision = $4, record = $5, sealed = $6 WHERE id = $1";
        let values = project_columns(self.vault, &project)?;
        self.rows(sql, values).await.map(|_| ())
    }

    pub(crate) async fn remove_project(&mut self, id: ProjectId) -> Result<(), Fault> {
        let id = id.as_uuid();
        let sql = "SELECT id FROM @workspaces WHERE project = $1 AND status <> 'deleted'";
        let jobs = "SELECT id FROM @jobs WHERE project = $1 AND finished = 0";
        if self.row(sql, values![id]).await?.is_some() || self.row(jobs, values![id]).await?.is_some() {
            return Err(Refused::InUse.into());
        }
        self.rows("DELETE FROM @projects WHERE id = $1", values![id]).await.map(|_| ())
    }
}
