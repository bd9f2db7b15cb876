//! Which pass over everything is under way, and what its sweeps have seen.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::id::ServerId;
use crate::orchestrator::reconcile::sweep::Suspects;

/// The passes of this master.
#[derive(Debug, Default)]
pub(in crate::orchestrator) struct Pass {
    asked: Notify,
    /// How many have begun.
    begun: AtomicU64,
    /// The last one that ended.
    ended: watch::Sender<u64>,
    seen: Mutex<BTreeMap<ServerId, Suspects>>,
}

impl Pass {
    /// Begins the next pass and answers its number.
    pub(super) fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The pass ended.
    pub(super) fn end(&self, pass: u64) {
        self.ended.send_replace(pass);
    }

    /// Until somebody asks for a pass.
    pub(super) async fn asked_for(&self) {
        self.asked.notified().await;
    }

    /// Asks for a pass, and waits until one that began after this has ended.
    pub(super) async fn now(&self) {
        let before = self.begun.load(Ordering::Acquire);
        self.asked.notify_one();
        // The sender is ours: it is never gone.
        let _ = self.ended.subscribe().wait_for(|ended| *ended > before).await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ServerId, Suspects>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The orphans that were seen last.
    pub(super) fn seen(&self) -> BTreeMap<ServerId, Suspects> {
        self.lock().clone()
    }

    /// Remembers what was seen.
    pub(super) fn saw(&self, seen: BTreeMap<ServerId, Suspects>) {
        *self.lock() = seen;
    }
}
