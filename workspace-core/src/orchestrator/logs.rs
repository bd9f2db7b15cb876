//! What the program of a workspace wrote.

use crate::error::{Error, ErrorKind, Result};
use crate::id::WorkspaceId;
use crate::model::Scope;
use crate::orchestrator::{Caller, Orchestrator};
use crate::port::{LogOptions, LogStream};

impl Orchestrator {
    /// The log of the workspace's newest container, also of one that ended.
    ///
    /// # Errors
    /// `NotRunning` when it never had a container.
    pub async fn logs(&self, caller: &Caller, id: WorkspaceId, options: LogOptions) -> Result<LogStream> {
        let row = self.core.workspace_of(caller, Scope::WorkspacesRead, id).await?;
        if row.observed.generation == 0 {
            return Err(Error::new(ErrorKind::NotRunning, "the workspace was never started, so it has no log")
                .hint("wait until it runs"));
        }
        let name = row.container_name(row.observed.generation);
        self.core.server_of_workspace(&row)?.container_logs(&name, options).await
    }
}
