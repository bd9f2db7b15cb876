//! What is recorded when the last step is done.

use std::sync::Arc;

use serde_json::json;

use crate::error::Result;
use crate::model::{Health, Intent, Observed, Project, ReservationPart, Status, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::health::at_first;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Refused, Write};

impl Core {
    /// Records that the intent is reached, and gives back what is no longer needed. A row that changed meanwhile is
    /// left to the next pass.
    pub(super) async fn finish(self: &Arc<Self>, row: &Workspace) -> Result<()> {
        if let (Intent::Stopped, Some(switch)) = (row.desired.intent, row.desired.switch) {
            return self.switched(row, switch).await;
        }
        let change = match row.desired.intent {
            Intent::Running => self.now_running(row),
            Intent::Stopped => self.now_stopped(row),
            Intent::Deleted => self.now_deleted(row).await?,
        };
        if let (Intent::Running, Some(server)) = (row.desired.intent, row.desired.server) {
            self.breakers.succeeded(server);
        }
        match self.commit(change).await? {
            Ok(_) | Err(Refused::Stale { .. }) => {}
            Err(refusal) => return Err(refused("workspace", &refusal)),
        }
        if row.desired.intent == Intent::Running && row.desired.claimed.health.is_some() {
            self.look_at_once(row.id).await?;
        }
        Ok(())
    }

    fn now_running(&self, row: &Workspace) -> Change {
        let generation = row.desired.generation;
        let observed = Observed {
            status: Status::Running,
            health: at_first(row),
            generation,
            error: None,
            waiting: None,
            started_at: Some(self.env.now()),
            restarts: row.observed.restarts,
        };
        Change::by(self.lease.fence()).with(self.observation(row, &observed)).with(self.reached(
            row,
            "workspace.running",
            json!({ "generation": generation }),
        ))
    }

    fn now_stopped(&self, row: &Workspace) -> Change {
        let status = if row.observed.error.is_some() { Status::Error } else { Status::Stopped };
        let observed = Observed { status, health: Health::Unknown, waiting: None, ..row.observed.clone() };
        Change::by(self.lease.fence())
            .with(self.observation(row, &observed))
            .with(Write::Release { holder: row.id.as_uuid(), part: ReservationPart::Compute })
            .with(self.reached(row, "workspace.stopped", json!({ "status": status })))
    }

    async fn now_deleted(&self, row: &Workspace) -> Result<Change> {
        let observed = Observed {
            status: Status::Deleted,
            health: Health::Unknown,
            error: None,
            waiting: None,
            ..row.observed.clone()
        };
        let change = Change::by(self.lease.fence())
            .with(self.observation(row, &observed))
            .with(Write::Release { holder: row.id.as_uuid(), part: ReservationPart::Compute })
            .with(Write::FreeNetwork(row.id))
            .with(self.reached(row, "workspace.deleted", json!({})));
        let unnamed = self.store.project(row.desired.project).await?.filter(Project::is_unnamed);
        let Some(project) = unnamed else { return Ok(change) };
        let former = project.superseded.iter().chain(project.rescues.iter().map(|rescue| &rescue.copy));
        let elsewhere = former.chain(&project.copy).any(|copy| Some(copy.server) != row.desired.server);
        let storage = Write::Release { holder: project.id.as_uuid(), part: ReservationPart::Storage };
        if !elsewhere && !row.desired.forget {
            return Ok(change.with(storage).with(Write::RemoveProject(project.id)));
        }
        // What is left of it on servers that were not asked is removed from there, and its row with the last of it.
        let deleted = Project { deleted: true, ..project.clone() };
        Ok(change
            .with(Write::UpdateProject { expected: project.revision, project: deleted })
            .with_all(row.desired.forget.then_some(storage)))
    }

    fn reached(&self, row: &Workspace, kind: &str, data: serde_json::Value) -> Write {
        Write::Append(self.event(row.id.as_uuid(), kind, data))
    }
}
