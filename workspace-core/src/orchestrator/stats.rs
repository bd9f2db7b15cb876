//! What workspaces use.

use crate::error::{Error, ErrorKind, Result};
use crate::id::{ServerId, WorkspaceId};
use crate::model::{Probe, Scope, Status};
use crate::orchestrator::{Caller, Orchestrator};
use crate::port::ContainerStats;

impl Orchestrator {
    /// What a running workspace uses now.
    ///
    /// # Errors
    /// `NotRunning`.
    pub async fn workspace_stats(&self, caller: &Caller, id: WorkspaceId) -> Result<ContainerStats> {
        let row = self.core.workspace_of(caller, Scope::WorkspacesRead, id).await?;
        if row.observed.status != Status::Running {
            let status = row.observed.status.name();
            return Err(Error::new(ErrorKind::NotRunning, format!("the workspace is not running: it is {status}"))
                .hint("start it first"));
        }
        let server = self.core.server_of_workspace(&row)?;
        server.container_stats(&self.core.container_in_use(&row, &server).await?).await
    }

    /// What a server tells of itself now.
    pub async fn server_stats(&self, caller: &Caller, id: ServerId) -> Result<Probe> {
        caller.require(Scope::Admin)?;
        self.core.server_of(id).await?;
        self.core.connected(id)?.probe().await
    }
}
