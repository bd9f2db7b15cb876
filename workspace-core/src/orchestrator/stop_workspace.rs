//! Stopping a workspace.

use crate::error::Result;
use crate::id::WorkspaceId;
use crate::model::{Desired, Intent, Scope, Status, Workspace};
use crate::orchestrator::intent::Verdict;
use crate::orchestrator::{Caller, Orchestrator};

impl Orchestrator {
    /// Wants a workspace stopped: its container ends, cores, memory, slot and GPUs are given back, its data and disk
    /// stay. A stopped one is stopped already.
    pub async fn stop_workspace(&self, caller: &Caller, id: WorkspaceId) -> Result<Workspace> {
        let row = self.core.workspace_of(caller, Scope::WorkspacesWrite, id).await?;
        if row.desired.switch.is_some() {
            return self.core.start_after_switch(row, false, caller.asks("workspace.stop")).await;
        }
        self.core
            .decide(row, None, Some(caller.asks("workspace.stop")), |row| {
                if row.desired.intent != Intent::Running {
                    return Ok(None);
                }
                let desired = Desired { intent: Intent::Stopped, ..row.desired.clone() };
                Ok(Some(Verdict { desired, status: Some(Status::Stopping), event: "workspace.stopping" }))
            })
            .await
    }
}
