//! The containers that a connection made or adopted.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The Engine's ids of containers by name. A start goes by id: of a container that the Engine made late, after ours of
/// that name was removed, it must not be a start.
#[derive(Debug, Default)]
pub(crate) struct MadeHere(Mutex<BTreeMap<String, String>>);

impl MadeHere {
    pub(crate) fn remember(&self, name: &str, id: String) {
        self.ids().insert(name.to_owned(), id);
    }

    pub(crate) fn forget(&self, name: &str) {
        self.ids().remove(name);
    }

    /// The id of a container, or its name where others made it.
    pub(crate) fn reference(&self, name: &str) -> String {
        self.ids().get(name).cloned().unwrap_or_else(|| name.to_owned())
    }

    fn ids(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
