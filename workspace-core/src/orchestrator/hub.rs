//! Wakes whoever waits for news of a workspace, a server or a token.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

/// Subjects that somebody waits for. Waking is a hint: the waiter looks into the store.
#[derive(Debug, Default)]
pub(super) struct Hub {
    subjects: Mutex<BTreeMap<Uuid, watch::Sender<()>>>,
}

impl Hub {
    /// Wakes with each later [`Hub::wake`] of the subject.
    pub(super) fn subscribe(&self, subject: Uuid) -> watch::Receiver<()> {
        let mut subjects = self.lock();
        subjects.retain(|_, sender| sender.receiver_count() > 0);
        subjects.entry(subject).or_insert_with(|| watch::Sender::new(())).subscribe()
    }

    /// Wakes everybody who waits for the subject.
    pub(super) fn wake(&self, subject: Uuid) {
        if let Some(sender) = self.lock().get(&subject) {
            sender.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, watch::Sender<()>>> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
