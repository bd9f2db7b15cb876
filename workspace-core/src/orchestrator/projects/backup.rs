//! When snapshots are taken without being asked for.

use crate::error::Result;
use crate::id::ProjectId;
use crate::model::{BackupPolicy, Project, Scope};
use crate::orchestrator::{Caller, Orchestrator};

impl Orchestrator {
    /// Says when snapshots of a project are taken without being asked for.
    ///
    /// # Errors
    /// `Unsupported` when there should be some and there is no object storage.
    pub async fn set_backup_policy(&self, caller: &Caller, id: ProjectId, policy: BackupPolicy) -> Result<Project> {
        caller.require(Scope::ProjectsWrite)?;
        let core = &self.core;
        if policy.on_stop {
            core.storage()?;
        }
        core.edit_project(caller.asks("project.update"), id, None, |project| {
            Ok(Project { backup: policy, ..project.clone() })
        })
        .await
    }
}
