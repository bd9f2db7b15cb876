//! The rows of all servers, read once for all who ask at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use crate::error::Result;
use crate::id::ServerId;
use crate::model::ServerState;
use crate::orchestrator::Core;

/// Every server, in the order of ids.
#[derive(Clone, Debug, Default)]
pub(super) struct Fleet {
    pub(super) servers: Arc<Vec<ServerState>>,
    /// The number of the read that these are of.
    pub(super) read: u64,
}

/// The last read, and how many have begun.
#[derive(Debug, Default)]
pub(super) struct FleetSnapshot {
    begun: AtomicU64,
    last: Mutex<Fleet>,
}

impl Core {
    /// The fleet as the store has it at some moment after the call. Who waits while another reads is served by the one
    /// read that begins next: a burst of claims costs a few reads of the fleet, not one each.
    pub(super) async fn fleet_now(&self) -> Result<Fleet> {
        let FleetSnapshot { begun, last } = &self.snapshot;
        let asked = begun.load(Ordering::SeqCst);
        let mut last = last.lock().await;
        if last.read <= asked {
            let read = begun.fetch_add(1, Ordering::SeqCst) + 1;
            *last = Fleet { servers: Arc::new(self.store.servers().await?), read };
        }
        Ok(last.clone())
    }

    /// How many reads of the fleet have begun.
    pub(super) fn fleet_reads(&self) -> u64 {
        self.snapshot.begun.load(Ordering::SeqCst)
    }

    /// Reads one server again, of which we knew something that is no longer so.
    pub(super) async fn refresh(&self, fleet: &mut Fleet, id: ServerId) -> Result<()> {
        let state = self.store.server(id).await?;
        let servers = Arc::make_mut(&mut fleet.servers);
        match (servers.binary_search_by_key(&id, |server| server.record.id), state) {
            (Ok(index), Some(state)) => servers[index] = state,
            (Ok(index), None) => {
                servers.remove(index);
            }
            // It was never known, or is known no more.
            (Err(_), _) => {}
        }
        Ok(())
    }
}
