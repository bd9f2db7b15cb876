//! Opening and closing a server for new work.

use crate::error::Result;
use crate::id::ServerId;
use crate::model::{Scheduling, Scope, ServerRecord, ServerState};
use crate::orchestrator::{Caller, Orchestrator};

impl Orchestrator {
    /// No new work for a server; what is there stays.
    pub async fn cordon_server(&self, caller: &Caller, id: ServerId) -> Result<ServerState> {
        self.schedule(caller, id, Scheduling::Cordoned).await
    }

    /// New work for a server again.
    pub async fn uncordon_server(&self, caller: &Caller, id: ServerId) -> Result<ServerState> {
        self.schedule(caller, id, Scheduling::Active).await
    }

    /// No new work for a server, and what is there moves away: a snapshot of all of its data, the next copy made of
    /// that on another server, then the workspace after it. When nothing is left the server is cordoned, and may be
    /// removed. To cordon or to uncordon it ends the drain; what is on its way arrives.
    ///
    /// # Errors
    /// `StorageNotConfigured` without object storage; `NotFound`.
    pub async fn drain_server(&self, caller: &Caller, id: ServerId) -> Result<ServerState> {
        caller.require(Scope::Admin)?;
        self.core.storage()?;
        self.schedule(caller, id, Scheduling::Draining).await
    }

    async fn schedule(&self, caller: &Caller, id: ServerId, to: Scheduling) -> Result<ServerState> {
        caller.require(Scope::Admin)?;
        let (action, event) = match to {
            Scheduling::Active => ("server.uncordon", "server.uncordoned"),
            Scheduling::Cordoned => ("server.cordon", "server.cordoned"),
            Scheduling::Draining => ("server.drain", "server.draining"),
        };
        let edit = |state: &ServerState| Ok(ServerRecord { scheduling: to, ..state.record.clone() });
        self.core.edit_server(id, None, event, Some(caller.asks(action)), edit).await
    }
}
