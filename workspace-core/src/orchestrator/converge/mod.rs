//! Driving one workspace to its intent.
//!
//! A pass reads the row, picks the pipeline of its intent and runs the steps in order. Steps are idempotent: they read
//! only the row and what is observed, act first and look on conflict, so a pass may end anywhere and the next begins
//! at the first step again. The [`executor`] owns leases, deadlines and retries; steps contain none of it. Only
//! changes of status are written.

mod backoff;
mod executor;
mod failure;
mod filling;
mod finish;
#[cfg(any(test, feature = "testing"))]
mod injector;
mod moving;
mod networks;
mod pipeline;
mod removal;
mod saving;
mod starting;
mod steps;
mod switching;

use std::sync::Arc;

pub(super) use backoff::Backoff;
#[cfg(any(test, feature = "testing"))]
pub use injector::Injector;
pub(super) use moving::{back_in_its_place, request_elsewhere, way_released};
pub(super) use starting::Starting;

use crate::id::WorkspaceId;
use crate::orchestrator::Core;

impl Core {
    /// Sees to it that somebody drives the workspace: starts a driver, or pokes the one there is.
    pub(super) fn drive(self: &Arc<Self>, id: WorkspaceId) {
        let Some(tasks) = self.tasks.upgrade() else { return };
        let Some(poke) = tasks.drive(id.as_uuid()) else { return };
        let (core, owner) = (Arc::clone(self), self.tasks.clone());
        tasks.spawn(async move {
            loop {
                core.converge(id, &poke).await;
                match owner.upgrade() {
                    Some(tasks) if !tasks.is_stopping() && !tasks.rest(id.as_uuid(), &poke) => {}
                    _ => return,
                }
            }
        });
    }

    /// Whether the fleet is shutting down.
    pub(in crate::orchestrator) fn is_stopping(&self) -> bool {
        self.tasks.upgrade().is_none_or(|tasks| tasks.is_stopping())
    }
}

#[cfg(test)]
mod tests;
