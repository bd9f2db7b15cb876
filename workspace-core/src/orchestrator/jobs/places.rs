//! How many data jobs a server runs at once.

use tokio::sync::OwnedSemaphorePermit;

use crate::error::Result;
use crate::id::ServerId;
use crate::orchestrator::Core;

impl Core {
    /// Waits for a place among the data jobs of a server: as many as its record says, else the fleet's default. It is
    /// free again when the permit is dropped.
    pub(super) async fn job_place(&self, server: ServerId) -> Result<Option<OwnedSemaphorePermit>> {
        let said = self.store.server(server).await?.and_then(|state| state.record.spec.job_slots);
        let most = said.map_or(self.config.job_slots, |slots| usize::try_from(slots).unwrap_or(usize::MAX));
        Ok(self.at_work.place(server, most).await)
    }
}
