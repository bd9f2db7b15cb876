//! Driving one job to its end.
//!
//! ```text
//!   recorded (pending) -> started -> accepted (running) -> events taken over -> concluded -> container removed
//!                            |                                                    ^
//!                            | cannot be started, cancelled, lost                 |
//!                            +----------------------------------------------------+
//! ```
//!
//! A [`pass`] reads the row and the server and does what comes next, so that any master goes on where another ended.
//! What the job's program says is taken over by number ([`follow`]): the row's `seen` and the session's events are one
//! change, hence exactly once. What a job leads to (a filled copy, a snapshot, the job that finishes an agent's run)
//! is part of the change that [`conclude`]s it.

mod conclude;
mod copied;
mod credentials;
mod deadline;
mod follow;
mod insert;
mod pass;
mod places;
mod report;
mod request;
mod snapshots;
mod tidy;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(super) use credentials::Credentials;
pub(super) use insert::NewJob;
pub(super) use request::git_source;
pub(super) use snapshots::why_not_whole;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::error::ErrorKind;
use crate::id::JobId;
use crate::orchestrator::Core;
use crate::orchestrator::converge::Backoff;
use crate::orchestrator::jobs::pass::Pass;

impl Core {
    /// Sees to it that somebody drives the job: starts a driver, or pokes the one there is.
    pub(super) fn drive_job(self: &Arc<Self>, id: JobId) {
        let Some(tasks) = self.tasks.upgrade() else { return };
        let Some(poke) = tasks.drive(id.as_uuid()) else { return };
        let (core, owner) = (Arc::clone(self), self.tasks.clone());
        tasks.spawn(async move {
            loop {
                core.finish_job(id, &poke).await;
                match owner.upgrade() {
                    Some(tasks) if !tasks.is_stopping() && !tasks.rest(id.as_uuid(), &poke) => {}
                    _ => return,
                }
            }
        });
    }

    /// Drives a job until it is finished, somebody else drives it, or the fleet shuts down.
    async fn finish_job(self: &Arc<Self>, id: JobId, poke: &Notify) {
        let mut backoff = Backoff::default();
        while !self.is_stopping() {
            match self.pass_job(id, poke).await {
                Ok(Pass::Done) => return,
                Ok(Pass::Again) => {
                    backoff = Backoff::default();
                    continue;
                }
                Ok(Pass::Later) => {}
                Err(error) if error.kind() == ErrorKind::Fenced => return,
                Err(error) => tracing::warn!(job = %id, error = error.chain(), "job not driven on; trying again"),
            }
            let Some(stopping) = self.tasks.upgrade().map(|tasks| tasks.stopping()) else { return };
            tokio::select! {
                biased;
                () = stopping.raised() => {}
                () = poke.notified() => {}
                () = sleep(backoff.next(&self.env)) => {}
            }
        }
    }
}
