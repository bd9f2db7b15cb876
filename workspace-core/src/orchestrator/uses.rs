//! When each workspace was last used, as this master saw it; what other masters saw is in its events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Timestamp;
use crate::environment::Environment;
use crate::id::WorkspaceId;

/// The uses of workspaces through this master.
#[derive(Clone, Debug)]
pub(super) struct Uses {
    env: Environment,
    seen: Arc<Mutex<BTreeMap<WorkspaceId, Use>>>,
}

/// How a workspace is used.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    last: Timestamp,
    /// How many programs are at work in it now.
    open: usize,
    /// When other masters were last told.
    told: Timestamp,
}

/// A program at work in a workspace: as long as this is there, the workspace is in use.
#[derive(Debug)]
pub(super) struct InUse {
    uses: Uses,
    id: WorkspaceId,
}

impl Uses {
    pub(super) fn new(env: Environment) -> Self {
        Self { env, seen: Arc::default() }
    }

    /// It is used at this moment.
    pub(super) fn touch(&self, id: WorkspaceId) {
        self.lock().entry(id).or_default().last = self.env.now();
    }

    /// It is used until the answer is dropped.
    pub(super) fn begin(&self, id: WorkspaceId) -> InUse {
        self.lock().entry(id).or_default().open += 1;
        InUse { uses: self.clone(), id }
    }

    /// When it was last used; now, while a program is at work in it.
    pub(super) fn last(&self, id: WorkspaceId) -> Option<Timestamp> {
        let seen = self.lock().get(&id).copied()?;
        Some(if seen.open > 0 { self.env.now() } else { seen.last })
    }

    /// When other masters were last told of a use.
    pub(super) fn told(&self, id: WorkspaceId) -> Option<Timestamp> {
        self.lock().get(&id).map(|seen| seen.told)
    }

    /// Other masters are told of a use now.
    pub(super) fn tell(&self, id: WorkspaceId) {
        self.lock().entry(id).or_default().told = self.env.now();
    }

    /// Forgets what does not run any more.
    pub(super) fn keep(&self, runs: impl Fn(WorkspaceId) -> bool) {
        self.lock().retain(|&id, seen| seen.open > 0 || runs(id));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<WorkspaceId, Use>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InUse {
    /// Something came of it.
    pub(super) fn goes_on(&self) {
        self.uses.touch(self.id);
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let now = self.uses.env.now();
        if let Some(seen) = self.uses.lock().get_mut(&self.id) {
            seen.open -= 1;
            seen.last = now;
        }
    }
}
