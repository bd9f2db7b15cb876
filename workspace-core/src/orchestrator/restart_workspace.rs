//! Restarting a workspace.

use crate::error::{Error, ErrorKind, Result};
use crate::id::WorkspaceId;
use crate::model::{Intent, Scope, Workspace};
use crate::orchestrator::refusal::refused;
use crate::orchestrator::{Caller, Orchestrator};
use crate::port::Refused;

impl Orchestrator {
    /// Replaces the container of a running workspace by a new one with the newest spec; its data stays. One that does
    /// not run is started.
    ///
    /// # Errors
    /// `InsufficientCapacity` when its spec asks for more now than the server has; nothing changes then. `Conflict`
    /// while it is being deleted.
    pub async fn restart_workspace(&self, caller: &Caller, id: WorkspaceId) -> Result<Workspace> {
        let mut row = self.core.workspace_of(caller, Scope::WorkspacesWrite, id).await?;
        let asked = caller.asks("workspace.restart");
        loop {
            match row.desired.intent {
                Intent::Running => {}
                Intent::Stopped => return self.core.start(row, asked).await,
                Intent::Deleted => return Err(Error::new(ErrorKind::Conflict, "the workspace is being deleted")),
            }
            match self.core.claim_again(&row, "workspace.restarting", asked).await? {
                Ok(()) => return self.core.decided(row.id).await,
                Err(Refused::Stale { .. }) => row = self.core.newest(row.id).await?,
                Err(refusal) => return Err(refused("workspace", &refusal)),
            }
        }
    }
}
