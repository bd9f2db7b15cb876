//! A burst does not pile onto one server: only so many workspaces start there at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::id::ServerId;

/// The places for starting workspaces, server by server.
#[derive(Debug, Default)]
pub(in crate::orchestrator) struct Starting {
    places: Mutex<BTreeMap<ServerId, Places>>,
}

#[derive(Debug)]
struct Places {
    most: usize,
    free: Arc<Semaphore>,
}

impl Starting {
    /// Waits for a place on a server that has `most`; it is free again when the permit is dropped.
    pub(in crate::orchestrator) async fn place(&self, server: ServerId, most: usize) -> Option<OwnedSemaphorePermit> {
        let places = {
            let mut all = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            let most = most.max(1);
            let places = all.entry(server).or_insert_with(|| Places { most, free: Arc::new(Semaphore::new(most)) });
            Arc::clone(&places.free)
        };
        // Never closed, so there is always a permit in the end.
        places.acquire_owned().await.ok()
    }

    /// Whether every place on a server is taken.
    pub(in crate::orchestrator) fn is_busy(&self, server: ServerId) -> bool {
        let all = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&server).is_some_and(|places| places.free.available_permits() == 0)
    }

    /// How many places on a server are taken.
    pub(in crate::orchestrator) fn under_way(&self, server: ServerId) -> usize {
        let all = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&server).map_or(0, |places| places.most.saturating_sub(places.free.available_permits()))
    }
}
