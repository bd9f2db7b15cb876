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

impl Places {
    /// Takes places away, or adds some. One that is taken cannot be taken away now: the next who comes tries again.
    fn become_as_many_as(&mut self, most: usize) {
        if most > self.most {
            self.free.add_permits(most - self.most);
            self.most = most;
        } else {
            self.most -= self.free.forget_permits(self.most - most);
        }
    }
}

impl Starting {
    /// Waits for a place on a server that has `most`; it is free again when the permit is dropped.
    pub(in crate::orchestrator) async fn place(&self, server: ServerId, most: usize) -> Option<OwnedSemaphorePermit> {
        let places = {
            let mut all = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            let most = most.max(1);
            let places = all.entry(server).or_insert_with(|| Places { most, free: Arc::new(Semaphore::new(most)) });
            places.become_as_many_as(most);
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

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::environment::Environment;

    #[tokio::test]
    async fn a_server_gets_more_places_and_fewer() {
        let (starting, server) = (Starting::default(), ServerId::from_uuid(Environment::system().uuid()));
        let place = |most| starting.place(server, most).now_or_never().flatten();
        let (first, second) = (place(2), place(2));
        assert!(first.is_some() && second.is_some() && place(2).is_none(), "two of two");
        let third = place(3);
        assert!(third.is_some() && place(3).is_none(), "one more");
        drop((first, second));
        assert!(place(1).is_none(), "one of one is taken");
        drop(third);
        assert!(place(1).is_some());
        assert_eq!(starting.under_way(server), 0);
    }
}
