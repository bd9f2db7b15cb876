//! Credentials of agents: in this master's memory, from the request until the agent has them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::JobId;
use crate::secret::Secret;

/// What agents that are not started yet get in their environment. It is never stored: with the master it is gone.
#[derive(Debug, Default)]
pub(in crate::orchestrator) struct Credentials(Mutex<BTreeMap<JobId, BTreeMap<String, Secret>>>);

impl Credentials {
    /// Keeps what came with a request.
    pub(in crate::orchestrator) fn keep(&self, job: JobId, env: BTreeMap<String, Secret>) {
        if !env.is_empty() {
            self.lock().insert(job, env);
        }
    }

    /// What a job gets.
    pub(super) fn of(&self, job: JobId) -> Option<BTreeMap<String, Secret>> {
        self.lock().get(&job).cloned()
    }

    /// Forgets what a job has.
    pub(in crate::orchestrator) fn forget(&self, job: JobId) {
        self.lock().remove(&job);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<JobId, BTreeMap<String, Secret>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
