//! The one place that knows leases, deadlines and retries.

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::{ErrorKind, Result};
use crate::id::WorkspaceId;
use crate::model::{Intent, Observed, Status, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::converge::backoff::Backoff;
use crate::orchestrator::converge::pipeline::{LONGEST_CALL, Step};
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Refused, Write};

/// How a pass went.
enum Pass {
    /// Nothing more to do for this master.
    Done,
    /// The row says something else now.
    Again,
}

impl Core {
    /// Drives a workspace until it is settled, somebody else drives it, or the fleet shuts down.
    pub(super) async fn converge(&self, id: WorkspaceId, poke: &Notify) {
        let mut backoff = Backoff::default();
        while !self.is_stopping() {
            match self.pass(id, poke).await {
                Ok(Pass::Done) => return,
                Ok(Pass::Again) => backoff = Backoff::default(),
                Err(error) if error.kind() == ErrorKind::Fenced => return,
                Err(error) => {
                    tracing::warn!(workspace = %id, error = error.chain(), "pass failed; trying again");
                    tokio::time::sleep(backoff.next(&self.env)).await;
                }
            }
        }
    }

    async fn pass(&self, id: WorkspaceId, poke: &Notify) -> Result<Pass> {
        let Some(mut row) = self.store.workspace(id).await? else { return Ok(Pass::Done) };
        if row.is_settled() {
            return Ok(Pass::Done);
        }
        if &row.driver != self.lease.fence() {
            let change = Change::by(self.lease.fence()).with(Write::AdoptWorkspace(id));
            return match self.commit(change).await? {
                Ok(_) => Ok(Pass::Again),
                Err(Refused::Fenced | Refused::NotFound) => Ok(Pass::Done),
                Err(refusal) => Err(refused("workspace", &refusal)),
            };
        }
        let _place = match (row.desired.intent, row.desired.server) {
            (Intent::Running, Some(server)) => tokio::select! {
                biased;
                () = self.superseded(row.id, row.revision, poke) => return Ok(Pass::Again),
                place = self.starting.place(server, self.config.max_starting_per_server) => place,
            },
            _ => None,
        };
        let deadline = Instant::now() + self.config.start_deadline;
        for &step in Step::towards(row.desired.intent) {
            if self.is_stopping() {
                return Ok(Pass::Done);
            }
            if row.observed.status != step.status() && !self.show(&mut row, step.status()).await? {
                return Ok(Pass::Again);
            }
            let outcome = tokio::select! {
                biased;
                () = self.superseded(row.id, row.revision, poke) => return Ok(Pass::Again),
                outcome = self.persist_through(step, &mut row, deadline) => outcome,
            };
            match outcome {
                Ok(()) => tracing::debug!(workspace = %id, step = step.name(), "step done"),
                Err(error) if error.kind() == ErrorKind::Fenced => return Err(error),
                Err(error) => return self.give_up(&row, step, &error).await.map(|()| Pass::Again),
            }
        }
        self.finish(&row).await.map(|()| Pass::Again)
    }

    /// Runs a step until it succeeds. Going up it gives up on what cannot be mended by trying, and at the deadline;
    /// going down it never does: what is left would be lost.
    async fn persist_through(&self, step: Step, row: &mut Workspace, deadline: Instant) -> Result<()> {
        let mut backoff = Backoff::default();
        loop {
            self.lease.outlive(LONGEST_CALL).await?;
            let Err(error) = self.run(step, row).await else { return Ok(()) };
            let hopeless = !error.is_retryable() || Instant::now() >= deadline;
            if error.kind() == ErrorKind::Fenced || (hopeless && row.desired.intent == Intent::Running) {
                return Err(error);
            }
            tracing::warn!(workspace = %row.id, step = step.name(), error = error.chain(), "step failed; trying again");
            self.show_waiting(row, step, &error).await?;
            tokio::time::sleep(backoff.next(&self.env)).await;
        }
    }

    /// Ends when the row says something else than the one that is being driven.
    async fn superseded(&self, id: WorkspaceId, revision: u64, poke: &Notify) {
        loop {
            poke.notified().await;
            match self.store.workspace(id).await {
                Ok(Some(newest)) if newest.revision == revision => {}
                Ok(_) => return,
                Err(error) => tracing::debug!(error = error.chain(), "row not read"),
            }
        }
    }

    /// Shows a transient status; false when the row has changed.
    async fn show(&self, row: &mut Workspace, status: Status) -> Result<bool> {
        let observed = Observed { status, ..row.observed.clone() };
        match self.commit(Change::by(self.lease.fence()).with(self.observation(row, &observed))).await? {
            Ok(_) => {
                row.observed = observed;
                self.hub.wake(row.id.as_uuid());
                Ok(true)
            }
            Err(Refused::Stale { .. }) => Ok(false),
            Err(refusal) => Err(refused("workspace", &refusal)),
        }
    }

    pub(super) fn observation(&self, row: &Workspace, observed: &Observed) -> Write {
        Write::ObserveWorkspace { id: row.id, expected: row.revision, observed: observed.clone(), at: self.env.now() }
    }
}
