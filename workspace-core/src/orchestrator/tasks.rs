//! What goes on in the background: one task per workspace or job that is being driven, and the periodic ones.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::signal::Signal;

/// The background tasks; dropping this ends them at once.
#[derive(Debug)]
pub(super) struct Tasks {
    running: Mutex<JoinSet<()>>,
    driven: Mutex<BTreeMap<Uuid, Arc<Notify>>>,
    stopping: Signal,
}

impl Tasks {
    pub(super) fn new() -> Self {
        Self { running: Mutex::default(), driven: Mutex::default(), stopping: Signal::default() }
    }

    /// Runs something until it ends or the fleet is dropped.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut running = lock(&self.running);
        while running.try_join_next().is_some() {}
        running.spawn(task);
    }

    /// Registers a driver for a workspace or a job. `None` when one drives it already: that one is poked instead.
    pub(super) fn drive(&self, id: Uuid) -> Option<Arc<Notify>> {
        let mut driven = lock(&self.driven);
        if let Some(poke) = driven.get(&id) {
            poke.notify_one();
            return None;
        }
        let poke = Arc::new(Notify::new());
        driven.insert(id, Arc::clone(&poke));
        Some(poke)
    }

    /// Ends a driver; false when it was poked since and has to look again.
    pub(super) fn rest(&self, id: Uuid, poke: &Notify) -> bool {
        let mut driven = lock(&self.driven);
        // A stored permit means: poked while nobody waited.
        let poked = futures::FutureExt::now_or_never(poke.notified()).is_some();
        if !poked {
            driven.remove(&id);
        }
        !poked
    }

    /// Asks every task to end at its next step.
    pub(super) fn stop(&self) {
        self.stopping.raise();
    }

    /// Whether the fleet is shutting down.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.is_raised()
    }

    /// Raised when the fleet shuts down.
    pub(super) fn stopping(&self) -> Signal {
        self.stopping.clone()
    }

    /// Waits for every task that is running.
    pub(super) async fn finished(&self) {
        let mut running = std::mem::take(&mut *lock(&self.running));
        while running.join_next().await.is_some() {}
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
