//! Which of a server's networks a workspace gets, when others than this fleet use some.

use crate::error::Result;
use crate::id::ServerId;
use crate::model::Workspace;
use crate::orchestrator::Core;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Write};

/// How many /28 a server's range has.
const NETWORKS: u32 = 4_096;

impl Core {
    /// Where this fleet begins to number its networks: several fleets on one server rarely meet.
    pub(in crate::orchestrator) fn first_network(&self) -> u32 {
        u32::try_from(self.fleet.as_uuid().as_u128() % u128::from(NETWORKS)).unwrap_or(0)
    }

    /// Gives a workspace the next number after one that turned out to be in use.
    pub(super) async fn allot_next_network(&self, row: &Workspace, server: ServerId, taken: u32) -> Result<()> {
        tracing::info!(workspace = %row.id, taken, "the network is in use by others; taking the next");
        let change = Change::by(self.lease.fence()).with(Write::FreeNetwork(row.id)).with(Write::AllotNetwork {
            server,
            workspace: row.id,
            from: (taken + 1) % NETWORKS,
        });
        self.commit(change).await?.map(|_| ()).map_err(|refusal| refused("workspace", &refusal))
    }
}
