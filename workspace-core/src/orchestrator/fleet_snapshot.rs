//! The rows of all servers, read once for all who ask at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use crate::error::Result;
use crate::model::ServerState;
use crate::orchestrator::Core;

/// The last read, and how many have begun.
#[derive(Debug, Default)]
pub(super) struct FleetSnapshot {
    begun: AtomicU64,
    last: Mutex<(u64, Arc<Vec<ServerState>>)>,
}

impl Core {
    /// Every server, in the order of ids, as the store has it at some moment after the call. Who waits while another
    /// reads is served by the one read that begins next: a burst of claims costs a few reads of the fleet, not one each.
    pub(super) async fn servers_now(&self) -> Result<Arc<Vec<ServerState>>> {
        let FleetSnapshot { begun, last } = &self.snapshot;
        let asked = begun.load(Ordering::SeqCst);
        let mut last = last.lock().await;
        if last.0 <= asked {
            let number = begun.fetch_add(1, Ordering::SeqCst) + 1;
            *last = (number, Arc::new(self.store.servers().await?));
        }
        Ok(Arc::clone(&last.1))
    }
}
