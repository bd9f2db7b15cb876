//! Removing a server from the fleet.

use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::id::ServerId;
use crate::model::{Scheduling, Scope};
use crate::orchestrator::refusal::refused;
use crate::orchestrator::{Caller, Orchestrator};
use crate::port::{PageRequest, Refused, WorkspaceFilter, Write};

impl Orchestrator {
    /// Forgets a server that is cordoned and empty, and removes the worker from it. What is not ours is not touched.
    ///
    /// # Errors
    /// `ServerInUse` with the workspaces that are on it.
    pub async fn remove_server(&self, caller: &Caller, id: ServerId) -> Result<()> {
        caller.require(Scope::Admin)?;
        let core = &self.core;
        let state = core.server_of(id).await?;
        let name = state.record.spec.name.clone();
        let removed = core.event(core.fleet.as_uuid(), "server.removed", json!({ "server": id, "name": name }));
        let change = core
            .asked(caller.asks("server.remove"), id.as_uuid(), Some(&name))
            .with(Write::RemoveServer(id))
            .with(Write::Append(removed));
        match core.commit(change).await? {
            Ok(_) => {
                // A server that cannot be asked any more is left as it is.
                if let Some(server) = core.pool.get(id)
                    && let Err(error) = core.vacate(&server).await
                {
                    tracing::warn!(server = name, error = error.chain(), "the server was not tidied");
                }
                core.disconnect(id).await;
                Ok(())
            }
            Err(Refused::InUse) => Err(self.in_use(id, &name, state.record.scheduling).await?),
            Err(refusal) => Err(refused("server", &refusal)),
        }
    }

    async fn in_use(&self, id: ServerId, name: &str, scheduling: Scheduling) -> Result<Error> {
        let filter = WorkspaceFilter { server: Some(id), ..WorkspaceFilter::default() };
        let on_it = self.core.store.workspaces(&filter, PageRequest { after: None, limit: 20 }).await?;
        if on_it.items.is_empty() && scheduling == Scheduling::Active {
            return Ok(
                Error::new(ErrorKind::ServerInUse, format!("server {name} takes new work")).hint("cordon it first")
            );
        }
        let mut names: Vec<_> = on_it.items.iter().map(|row| format!("{} ({})", row.desired.name, row.id)).collect();
        if on_it.next.is_some() {
            names.push("and more".to_owned());
        }
        if names.is_empty() {
            names.push("volumes of projects without a workspace".to_owned());
        }
        Ok(Error::new(ErrorKind::ServerInUse, format!("server {name} is in use by {}", names.join(", ")))
            .hint("drain it, or cordon it and delete what is on it"))
    }
}
