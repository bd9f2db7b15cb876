//! Workspaces whose server is gone, until it is back.
//!
//! Nothing is moved by default and nothing is forgotten: a server that was only cut off still runs them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use tokio::time::Instant;

use crate::error::Result;
use crate::id::ServerId;
use crate::model::{Availability, Health, Observed, Problem, ServerState, Status, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::health::at_first;
use crate::orchestrator::reconcile::drain::{Asked, forget};
use crate::port::WorkspaceFilter;

/// Since when this master has seen each server offline.
pub(super) type Away = BTreeMap<ServerId, Instant>;

impl Core {
    /// Shows what runs on servers that stay offline as lost. A master that was just started waits as long as any.
    pub(super) async fn show_lost(self: &Arc<Self>, away: &mut Away, asked: &mut Asked) -> Result<()> {
        let mut offline = self.store.servers().await?;
        offline.retain(|server| server.observation.availability == Availability::Offline);
        forget(asked, &offline);
        away.retain(|id, _| offline.iter().any(|server| server.record.id == *id));
        for server in &offline {
            let since = *away.entry(server.record.id).or_insert_with(Instant::now);
            if since.elapsed() >= self.config.lost_after {
                self.lose(server).await?;
                self.fail_over(server, asked).await?;
            }
        }
        Ok(())
    }

    async fn lose(self: &Arc<Self>, server: &ServerState) -> Result<()> {
        let (here, running) = (Some(server.record.id), Some(Status::Running));
        let filter = WorkspaceFilter { server: here, status: running, ..WorkspaceFilter::default() };
        for row in self.every_workspace(&filter).await?.iter().filter(|row| row.is_settled()) {
            self.lost(row, &server.record.spec.name).await?;
        }
        Ok(())
    }

    async fn lost(&self, row: &Workspace, server: &str) -> Result<()> {
        tracing::warn!(workspace = %row.id, server, "workspace lost");
        self.channels.close(row.id);
        let problem = Problem {
            code: "server_lost".to_owned(),
            message: format!("server {server} does not answer"),
            hint: Some("bring the server back: what runs there is found again".to_owned()),
        };
        let data = json!({ "code": problem.code, "message": problem.message, "hint": problem.hint });
        let observed =
            Observed { status: Status::Lost, health: Health::Unknown, error: Some(problem), ..row.observed.clone() };
        self.turn(row, row.desired.clone(), observed, self.event(row.id.as_uuid(), "workspace.lost", data)).await
    }

    /// A workspace that was lost runs on its server, which is back.
    pub(super) async fn found(&self, row: &Workspace) -> Result<()> {
        tracing::info!(workspace = %row.id, "workspace found again");
        let observed = Observed {
            status: Status::Running,
            health: at_first(row),
            error: None,
            waiting: None,
            ..row.observed.clone()
        };
        let data = json!({ "generation": row.observed.generation, "reason": "its server is back" });
        self.turn(row, row.desired.clone(), observed, self.event(row.id.as_uuid(), "workspace.running", data)).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use crate::id::WorkspaceId;
    use crate::model::{RestartPolicy, Status, Workspace};
    use crate::orchestrator::test_fleet::fleet_of;
    use crate::orchestrator::{Caller, NewWorkspace, Orchestrator};

    async fn rested(fleet: &Orchestrator, id: WorkspaceId, how_long: Duration) -> Workspace {
        sleep(how_long).await;
        fleet.workspace(&Caller::admin(), id).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_workspace_is_lost_with_its_server_and_found_with_it() {
        let (world, fleet, _) = fleet_of(["one"]).await;
        let (admin, minute) = (Caller::admin(), Duration::from_mins(1));
        let mut new = NewWorkspace::new("hello", "base");
        new.spec.restart.policy = RestartPolicy::Never;
        let id = fleet.create_workspace(&admin, new, None).await.unwrap().id;
        assert_eq!(fleet.wait(&admin, id, minute).await.unwrap().observed.status, Status::Running);

        world.hang("one", minute / 2);
        assert_eq!(
            rested(&fleet, id, minute).await.observed.status,
            Status::Running,
            "a short partition changes nothing"
        );

        world.hang("one", 5 * minute);
        let lost = rested(&fleet, id, 3 * minute).await;
        assert_eq!(lost.observed.status, Status::Lost);
        assert_eq!(lost.observed.error.as_ref().unwrap().code, "server_lost");
        let found = rested(&fleet, id, 3 * minute).await;
        assert_eq!((found.observed.status, found.observed.error), (Status::Running, None));
        assert_eq!(found.observed.generation, 1, "it ran on all the time");

        world.crash("one");
        assert_eq!(rested(&fleet, id, 3 * minute).await.observed.status, Status::Lost);
        world.heal("one");
        let died = rested(&fleet, id, minute).await;
        assert_eq!((died.observed.status, died.observed.error.unwrap().code.as_str()), (Status::Error, "exited"));
        assert_eq!(world.violations(), Vec::<String>::new());
        fleet.shutdown().await;
    }
}
