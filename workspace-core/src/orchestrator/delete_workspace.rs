//! Deleting a workspace.

use crate::error::Result;
use crate::id::WorkspaceId;
use crate::model::{Desired, Intent, Scope, Status, Workspace};
use crate::orchestrator::intent::Verdict;
use crate::orchestrator::{Caller, Orchestrator};

impl Orchestrator {
    /// Wants a workspace gone, whatever it does now: container, network, reservations and, with an unnamed project,
    /// the data. The data of a named project stays.
    pub async fn delete_workspace(&self, caller: &Caller, id: WorkspaceId, if_match: Option<u64>) -> Result<Workspace> {
        let row = self.core.workspace_of(caller, Scope::WorkspacesWrite, id).await?;
        self.core
            .decide(row, if_match, Some(caller.asks("workspace.delete")), |row| {
                if row.desired.intent == Intent::Deleted {
                    return Ok(None);
                }
                let desired = Desired { intent: Intent::Deleted, switch: None, ..row.desired.clone() };
                Ok(Some(Verdict { desired, status: Some(Status::Deleting), event: "workspace.deleting" }))
            })
            .await
    }
}
