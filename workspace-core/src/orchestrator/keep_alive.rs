//! Saying that a workspace is in use.

use crate::error::Result;
use crate::id::WorkspaceId;
use crate::model::{Scope, Workspace};
use crate::orchestrator::{Caller, Orchestrator};

impl Orchestrator {
    /// A workspace is in use, though nothing goes through its fleet: its `idle_timeout` begins anew.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn keep_alive(&self, caller: &Caller, id: WorkspaceId) -> Result<Workspace> {
        let row = self.core.workspace_of(caller, Scope::WorkspacesWrite, id).await?;
        self.core.uses.touch(id);
        Ok(row)
    }
}
