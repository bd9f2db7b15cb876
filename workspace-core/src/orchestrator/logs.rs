//! What the program of a workspace wrote.

use crate::error::{Error, ErrorKind, Result};
use crate::id::WorkspaceId;
use crate::model::Scope;
use crate::orchestrator::{Caller, Orchestrator};
use crate::port::{LogOptions, LogStream};

impl Orchestrator {
    /// The log of the workspace's newest container, also of one that ended, or never got to run.
    ///
    /// # Errors
    /// `NotRunning` when it has no container.
    pub async fn logs(&self, caller: &Caller, id: WorkspaceId, options: LogOptions) -> Result<LogStream> {
        let row = self.core.workspace_of(caller, Scope::WorkspacesRead, id).await?;
        let server = self.core.server_of_workspace(&row)?;
        // A program that ended at once never counted as running, and its log says why.
        for generation in [row.desired.generation, row.observed.generation] {
            let name = row.container_name(generation);
            if self.core.own_container(&row, &server, &name).await?.is_some() {
                return server.container_logs(&name, options).await;
            }
        }
        Err(Error::new(ErrorKind::NotRunning, "the workspace has no container, so it has no log")
            .hint("wait until it runs, or start it"))
    }
}
