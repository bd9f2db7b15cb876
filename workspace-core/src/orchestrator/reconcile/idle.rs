//! Workspaces that nobody uses.
//!
//! A use is an exec, a file, or somebody who says so, through any master; and a job on the data. Each master tells the
//! uses that it sees as events, at most eight in an idle time, so that the one that drives the workspace knows of them,
//! also after a restart. So a workspace is stopped between one idle time after its last use and an eighth more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::WorkspaceId;
use crate::model::{Desired, Intent, Status, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::intent::Verdict;
use crate::port::{Change, WorkspaceFilter, Write};

/// How many events are read at once.
const PAGE: u32 = 1_000;

impl Core {
    /// Stops what was not used for its `idle_timeout`, and tells what is in use.
    pub(super) async fn stop_idle(self: &Arc<Self>) -> Result<()> {
        let filter = WorkspaceFilter { status: Some(Status::Running), ..WorkspaceFilter::default() };
        let mut running = BTreeSet::new();
        for row in self.every_workspace(&filter).await?.into_iter().filter(Workspace::is_settled) {
            running.insert(row.id);
            if let Some(seconds) = row.desired.spec.idle_timeout_seconds {
                self.look_whether_idle(row, Duration::from_secs(seconds)).await?;
            }
        }
        self.uses.keep(|id| running.contains(&id));
        Ok(())
    }

    async fn look_whether_idle(self: &Arc<Self>, row: Workspace, limit: Duration) -> Result<()> {
        let now = self.env.now();
        if let Some(last) = self.uses.last(row.id) {
            let told = self.uses.told(row.id).unwrap_or_default();
            if last > told && now.since(told) >= limit / 8 {
                self.tell_use(row.id).await?;
            }
            if now.since(last) < limit {
                return Ok(());
            }
        }
        let ran = row.observed.started_at.is_some_and(|start| now.since(start) >= limit);
        if !ran || &row.driver != self.lease.fence() || !self.is_idle(&row, limit).await? {
            return Ok(());
        }
        tracing::info!(workspace = %row.id, "idle");
        let (id, revision) = (row.id, row.revision);
        self.decide(row, None, None, |row| {
            if row.revision != revision || self.uses.last(id).is_some_and(|last| self.env.now().since(last) < limit) {
                return Ok(None);
            }
            let desired = Desired { intent: Intent::Stopped, ..row.desired.clone() };
            Ok(Some(Verdict { desired, status: Some(Status::Stopping), event: "workspace.idle" }))
        })
        .await
        .map(|_| ())
    }

    /// Whether no master told of a use and no job works on the data.
    async fn is_idle(&self, row: &Workspace, limit: Duration) -> Result<bool> {
        let since = limit + limit / 8;
        let recent = |at: Timestamp| self.env.now().since(at) < since;
        let mut after = 0;
        loop {
            let events = self.store.events(row.id.as_uuid(), after, PAGE).await?;
            if events.iter().any(|event| event.kind == "workspace.used" && recent(event.at)) {
                return Ok(false);
            }
            match events.last() {
                Some(last) => after = last.seq,
                None => break,
            }
        }
        match self.store.project(row.desired.project).await? {
            Some(project) => Ok(!self.is_written_into(&project).await?),
            None => Ok(true),
        }
    }

    async fn tell_use(&self, id: WorkspaceId) -> Result<()> {
        self.uses.tell(id);
        let event = self.event(id.as_uuid(), "workspace.used", json!({ "through": self.config.master }));
        // What is refused was removed meanwhile.
        let _refused = self.commit(Change::by(self.lease.fence()).with(Write::Append(event))).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::sleep;

    use crate::id::WorkspaceId;
    use crate::memory::MemoryStore;
    use crate::model::Status;
    use crate::orchestrator::test_fleet::{master_of, register, world_of};
    use crate::orchestrator::{Caller, NewWorkspace, Orchestrator};
    use crate::port::{ExecRequest, StateStore};

    const MINUTE: Duration = Duration::from_mins(1);

    async fn status(fleet: &Orchestrator, id: WorkspaceId) -> Status {
        fleet.workspace(&Caller::admin(), id).await.unwrap().observed.status
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_uses_is_stopped_and_what_somebody_uses_through_any_master_is_not() {
        let world = world_of(["one"]);
        let store: Arc<dyn StateStore> = Arc::new(MemoryStore::new(world.environment()));
        let first = master_of(&world, &store, "first").await;
        let admin = Caller::admin();
        register(&first, ["one"]).await;
        let other = master_of(&world, &store, "other").await;
        let mut new = NewWorkspace::new("hello", "base");
        new.spec.idle_timeout_seconds = Some(600);
        let id = first.create_workspace(&admin, new, None).await.unwrap().id;
        assert_eq!(first.wait(&admin, id, MINUTE).await.unwrap().observed.status, Status::Running);

        for _ in 0..6 {
            sleep(5 * MINUTE).await;
            other.exec(&admin, id, ExecRequest::new(["echo", "hi"])).await.unwrap();
        }
        assert_eq!(status(&first, id).await, Status::Running, "used through another master");
        sleep(9 * MINUTE).await;
        first.keep_alive(&admin, id).await.unwrap();
        sleep(9 * MINUTE).await;
        assert_eq!(status(&first, id).await, Status::Running, "kept alive");
        sleep(4 * MINUTE).await;
        assert_eq!(status(&first, id).await, Status::Stopped);
        let events = store.events(id.as_uuid(), 0, 1_000).await.unwrap();
        let of = |kind: &str| events.iter().filter(|event| event.kind == kind).count();
        assert_eq!((of("workspace.idle"), of("workspace.used")), (1, 7));

        // A start counts as a use.
        first.start_workspace(&admin, id).await.unwrap();
        sleep(9 * MINUTE).await;
        assert_eq!(status(&first, id).await, Status::Running);
        first.shutdown().await;
        other.shutdown().await;
    }
}
