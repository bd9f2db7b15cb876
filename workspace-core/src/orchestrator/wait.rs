//! Waiting until a workspace is what is wanted.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::{Error, Result};
use crate::id::WorkspaceId;
use crate::model::{Scope, Workspace};
use crate::orchestrator::{Caller, Orchestrator};

impl Orchestrator {
    /// Waits until a workspace is at rest: running, stopped, gone (its tombstone is returned), lost or in error. After
    /// `longest` it is returned as it is.
    pub async fn wait(&self, caller: &Caller, id: WorkspaceId, longest: Duration) -> Result<Workspace> {
        let deadline = Instant::now() + longest;
        let mut news = self.core.hub.subscribe(id.as_uuid());
        let stopping = self.tasks.stopping();
        caller.require(Scope::WorkspacesRead)?;
        if !caller.may_see(&self.core.newest(id).await?.owner) {
            return Err(Error::not_found("workspace"));
        }
        loop {
            news.mark_heard();
            let row = self.core.newest(id).await?;
            if row.is_settled() || self.tasks.is_stopping() {
                return Ok(row);
            }
            if timeout_at(deadline, self.core.pause(&mut news, &stopping)).await.is_err() {
                return Ok(row);
            }
        }
    }
}
