//! Forgetting a workspace whose server will not be back.

use crate::error::{Error, ErrorKind, Result};
use crate::id::WorkspaceId;
use crate::model::{Availability, Desired, Intent, Scope, Status, Workspace};
use crate::orchestrator::intent::Verdict;
use crate::orchestrator::{Caller, Orchestrator};

impl Orchestrator {
    /// Ends a workspace without asking its server, which will not be back: its row becomes a tombstone, and what it
    /// held is given back. Should the server come back, what is left of it there is removed, and with an unnamed
    /// project its data.
    ///
    /// # Errors
    /// `Conflict` while the server answers: a deletion ends there by itself. `NotFound`.
    pub async fn force_forget(&self, caller: &Caller, id: WorkspaceId) -> Result<Workspace> {
        caller.require(Scope::Admin)?;
        let row = self.core.workspace_of(caller, Scope::Admin, id).await?;
        if let Some(server) = row.desired.server
            && let Some(server) = self.core.store.server(server).await?
            && server.observation.availability == Availability::Healthy
        {
            let message = format!("server {} of the workspace answers", server.record.spec.name);
            return Err(Error::new(ErrorKind::Conflict, message).hint("delete the workspace"));
        }
        self.core
            .decide(row, None, Some(caller.asks("workspace.forget")), |row| {
                if row.desired.forget {
                    return Ok(None);
                }
                let desired = Desired { intent: Intent::Deleted, forget: true, switch: None, ..row.desired.clone() };
                Ok(Some(Verdict { desired, status: Some(Status::Deleting), event: "workspace.forgotten" }))
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use crate::error::ErrorKind;
    use crate::model::Status;
    use crate::orchestrator::test_fleet::fleet_of;
    use crate::orchestrator::{Caller, NewWorkspace};

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn what_is_forgotten_frees_its_server_and_does_not_come_back_with_it() {
        let (world, fleet, [server]) = fleet_of(["one"]).await;
        let admin = Caller::admin();
        let id = fleet.create_workspace(&admin, NewWorkspace::new("hello", "base"), None).await.unwrap().id;
        assert_eq!(fleet.wait(&admin, id, MINUTE).await.unwrap().observed.status, Status::Running);
        let refused = fleet.force_forget(&admin, id).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict, "a server that answers is asked");

        world.hang("one", 30 * MINUTE);
        sleep(2 * MINUTE).await;
        fleet.delete_workspace(&admin, id, None).await.unwrap();
        sleep(2 * MINUTE).await;
        assert_eq!(fleet.workspace(&admin, id).await.unwrap().observed.status, Status::Deleting);
        fleet.force_forget(&admin, id).await.unwrap();
        let gone = fleet.wait(&admin, id, MINUTE).await.unwrap();
        assert_eq!(gone.observed.status, Status::Deleted);
        let state = fleet.server(&admin, server).await.unwrap();
        assert!(state.reserved.is_zero() && state.workspaces == 0, "{state:?}");

        sleep(40 * MINUTE).await;
        assert_eq!(world.objects("one"), Vec::<String>::new(), "what was left is removed");
        fleet.cordon_server(&admin, server).await.unwrap();
        fleet.remove_server(&admin, server).await.unwrap();
        fleet.shutdown().await;
    }
}
