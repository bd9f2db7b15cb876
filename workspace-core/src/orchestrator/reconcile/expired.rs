//! Workspaces whose time to live has ended.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::model::{Desired, Intent, Status, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::intent::Verdict;
use crate::port::WorkspaceFilter;

impl Core {
    /// Deletes what has outlived its `ttl`.
    pub(super) async fn expire(self: &Arc<Self>) -> Result<()> {
        let rows = self.every_workspace(&WorkspaceFilter::default()).await?;
        for row in rows.into_iter().filter(|row| self.is_expired(row)) {
            tracing::info!(workspace = %row.id, "time to live has ended");
            self.decide(row, None, None, |row| {
                let desired = Desired { intent: Intent::Deleted, ..row.desired.clone() };
                let verdict = Verdict { desired, status: Some(Status::Deleting), event: "workspace.expired" };
                Ok(self.is_expired(row).then_some(verdict))
            })
            .await?;
        }
        Ok(())
    }

    fn is_expired(&self, row: &Workspace) -> bool {
        let age = self.env.now().since(row.created_at);
        let ended = row.desired.spec.ttl_seconds.is_some_and(|ttl| age >= Duration::from_secs(ttl));
        ended && row.desired.intent != Intent::Deleted
    }
}
