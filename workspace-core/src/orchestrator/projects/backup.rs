//! When snapshots are taken without being asked for.

use crate::error::Result;
use crate::id::ProjectId;
use crate::model::{BackupPolicy, Project, Scope};
use crate::orchestrator::refusal::refused;
use crate::orchestrator::{Caller, Orchestrator};
use crate::port::{Change, Refused};

use super::in_use::in_use;

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
        loop {
            let project = core.project_of(caller, id).await?;
            let next = Project { backup: policy, ..project };
            match core.commit(Change::by(core.lease.fence()).with(in_use(&next))).await? {
                Ok(_) => return Ok(Project { revision: next.revision + 1, ..next }),
                Err(Refused::Stale { .. }) => {}
                Err(refusal) => return Err(refused("project", &refusal)),
            }
        }
    }
}
