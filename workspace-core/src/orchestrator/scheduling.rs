//! Opening and closing a server for new work.

use crate::error::Result;
use crate::id::ServerId;
use crate::model::{Scheduling, Scope, ServerRecord, ServerState};
use crate::orchestrator::{Caller, Orchestrator};

impl Orchestrator {
    /// No new work for a server; what is there stays.
    pub async fn cordon_server(&self, caller: &Caller, id: ServerId) -> Result<ServerState> {
        self.schedule(caller, id, Scheduling::Cordoned, "server.cordoned").await
    }

    /// New work for a server again.
    pub async fn uncordon_server(&self, caller: &Caller, id: ServerId) -> Result<ServerState> {
        self.schedule(caller, id, Scheduling::Active, "server.uncordoned").await
    }

    async fn schedule(&self, caller: &Caller, id: ServerId, to: Scheduling, event: &str) -> Result<ServerState> {
        caller.require(Scope::Admin)?;
        self.core
            .edit_server(id, None, event, |state| Ok(ServerRecord { scheduling: to, ..state.record.clone() }))
            .await
    }
}
