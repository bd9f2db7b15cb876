//! Reading servers, and connecting to them.

use crate::error::{Error, Result};
use crate::id::ServerId;
use crate::model::{Scope, ServerState};
use crate::orchestrator::{Caller, Core, Creating, Orchestrator};

impl Orchestrator {
    /// Every server of the fleet.
    pub async fn servers(&self, caller: &Caller) -> Result<Vec<ServerState>> {
        caller.require(Scope::Admin)?;
        self.core.store.servers().await
    }

    /// One server.
    pub async fn server(&self, caller: &Caller, id: ServerId) -> Result<ServerState> {
        caller.require(Scope::Admin)?;
        self.core.server_of(id).await
    }
}

impl Orchestrator {
    /// How creates go on a server, as this master saw it since it was started; `None` while all is well.
    pub fn creating(&self, caller: &Caller, id: ServerId) -> Result<Option<Creating>> {
        caller.require(Scope::Admin)?;
        Ok(self.core.breakers.creating(id))
    }
}

impl Core {
    pub(super) async fn server_of(&self, id: ServerId) -> Result<ServerState> {
        self.store.server(id).await?.ok_or_else(|| Error::not_found("server"))
    }

    /// Connects to every server of the store; one that cannot be connected stays offline with its reason.
    pub(super) async fn connect_known_servers(&self) -> Result<()> {
        for server in self.store.servers().await? {
            if let Err(error) = self.connect(&server.record).await {
                tracing::warn!(server = server.record.spec.name, error = error.chain(), "server not connected");
            }
        }
        Ok(())
    }
}
