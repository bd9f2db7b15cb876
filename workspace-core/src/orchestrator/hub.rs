//! Wakes whoever waits for news of a workspace, a server or a token.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::signal::{Listener, Signal};

/// Subjects that somebody waits for. Waking is a hint: the waiter looks into the store.
#[derive(Debug, Default)]
pub(super) struct Hub {
    subjects: Mutex<BTreeMap<Uuid, Signal>>,
}

impl Hub {
    /// Wakes with each later [`Hub::wake`] of the subject.
    pub(super) fn subscribe(&self, subject: Uuid) -> Listener {
        let mut subjects = self.lock();
        subjects.retain(|_, signal| signal.is_shared());
        subjects.entry(subject).or_default().listen()
    }

    /// Wakes everybody who waits for the subject.
    pub(super) fn wake(&self, subject: Uuid) {
        if let Some(signal) = self.lock().get(&subject) {
            signal.raise();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, Signal>> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
