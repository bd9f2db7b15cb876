//! The one place that knows leases, deadlines and retries.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::error::{Error, ErrorKind, Result};
use crate::id::WorkspaceId;
use crate::model::{Intent, Observed, Status, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::converge::backoff::Backoff;
use crate::orchestrator::converge::pipeline::Step;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Refused, Write};

/// How a pass went.
enum Pass {
    /// Nothing more to do for this master.
    Done,
    /// The row says something else now.
    Again,
    /// A step failed; the next pass begins at the first step, because what a call that was given up does late may
    /// undo an earlier one.
    Later,
}

/// Until when a revision of a row may be driven up.
struct Patience {
    revision: u64,
    until: Instant,
}

impl Core {
    /// Drives a workspace until it is settled, somebody else drives it, or the fleet shuts down.
    pub(super) async fn converge(self: &Arc<Self>, id: WorkspaceId, poke: &Notify) {
        let mut backoff = Backoff::default();
        let mut patience = Patience { revision: 0, until: Instant::now() };
        while !self.is_stopping() {
            match self.pass(id, poke, &mut patience).await {
                Ok(Pass::Done) => return,
                Ok(Pass::Again) => backoff = Backoff::default(),
                Ok(Pass::Later) => self.rest(id, patience.revision, poke, &mut backoff).await,
                Err(error) if error.kind() == ErrorKind::Fenced => return,
                Err(error) => {
                    tracing::warn!(workspace = %id, error = error.chain(), "pass failed; trying again");
                    self.rest(id, patience.revision, poke, &mut backoff).await;
                }
            }
        }
    }

    /// Waits before the next pass, no longer than until the row says something else or the fleet shuts down.
    async fn rest(&self, id: WorkspaceId, revision: u64, poke: &Notify, backoff: &mut Backoff) {
        let Some(stopping) = self.tasks.upgrade().map(|tasks| tasks.stopping()) else { return };
        tokio::select! {
            biased;
            () = stopping.raised() => {}
            () = self.superseded(id, revision, poke) => {}
            () = sleep(backoff.next(&self.env)) => {}
        }
    }

    async fn pass(self: &Arc<Self>, id: WorkspaceId, poke: &Notify, patience: &mut Patience) -> Result<Pass> {
        let term = self.lease.term();
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
        if patience.revision != row.revision {
            *patience = Patience { revision: row.revision, until: Instant::now() + self.config.start_deadline };
        }
        let revision = row.revision;
        tokio::select! {
            biased;
            () = self.superseded(id, revision, poke) => Ok(Pass::Again),
            () = self.lease.broken(term) => Ok(Pass::Again),
            pass = self.run_steps(&mut row, patience.until) => pass,
        }
    }

    async fn run_steps(self: &Arc<Self>, row: &mut Workspace, until: Instant) -> Result<Pass> {
        let _place = match (row.desired.intent, row.desired.server) {
            (Intent::Running, Some(server)) => self.starting.place(server, self.config.max_starting_per_server).await,
            _ => None,
        };
        for &step in Step::of(&row.desired) {
            if self.is_stopping() {
                return Ok(Pass::Done);
            }
            #[cfg(any(test, feature = "testing"))]
            let running = self.run_injected(step, row);
            #[cfg(not(any(test, feature = "testing")))]
            let running = self.run(step, row);
            // Nobody waits for what is shown: no step depends on it.
            let (shown, done) = tokio::join!(self.show(row, step.status()), running);
            if !shown? {
                return Ok(Pass::Again);
            }
            row.observed.status = step.status();
            match done {
                Ok(()) => tracing::debug!(workspace = %row.id, step = step.name(), "step done"),
                Err(_) if self.is_stopping() => return Ok(Pass::Done),
                Err(error) => return self.failed(row, step, error, until).await,
            }
        }
        self.finish(row).await.map(|()| Pass::Again)
    }

    /// Going up, what cannot be mended by trying is given up, and everything at the deadline; going down nothing is:
    /// what is left would be lost. A way to another server is given up as a start is.
    async fn failed(&self, row: &Workspace, step: Step, error: Error, until: Instant) -> Result<Pass> {
        if error.kind() == ErrorKind::Fenced {
            return Err(error);
        }
        // Another one was allotted: the row is to be read again.
        if error.kind() == ErrorKind::NetworkTaken && Instant::now() < until {
            return Ok(Pass::Again);
        }
        if let (Intent::Running, Some(server)) = (row.desired.intent, row.desired.server) {
            self.breakers.failed(server, row.id, &error);
        }
        // Somebody removed the container right after it was made: the next pass makes it anew.
        let vanished = step == Step::Started && error.kind() == ErrorKind::NotFound;
        let hopeless = !(error.is_retryable() || vanished) || Instant::now() >= until;
        if hopeless && row.desired.intent == Intent::Running {
            return self.give_up(row, step, &error).await.map(|()| Pass::Again);
        }
        if step.may_be_given_up() && (ends_a_way(&error) || self.is_overdue_way(row)) {
            return Ok(if self.stays(row, step, &error).await? { Pass::Again } else { Pass::Later });
        }
        tracing::warn!(workspace = %row.id, step = step.name(), error = error.chain(), "step failed; trying again");
        self.show_waiting(row, step, &error).await.map(|()| Pass::Later)
    }

    /// Whether a way to another server had its time; each try of it is an edit of the row, which renews the patience.
    fn is_overdue_way(&self, row: &Workspace) -> bool {
        let way = row.desired.switch.and_then(|switch| switch.way());
        way.is_some_and(|way| self.env.now().since(way.begun_at) >= self.config.start_deadline)
    }

    /// Ends when the row says something else than the revision that is being driven.
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
    pub(super) async fn show(&self, row: &Workspace, status: Status) -> Result<bool> {
        if row.observed.status == status {
            return Ok(true);
        }
        let observed = Observed { status, ..row.observed.clone() };
        match self.commit(Change::by(self.lease.fence()).with(self.observation(row, &observed))).await? {
            Ok(_) => {
                self.hub.wake(row.id.as_uuid());
                Ok(true)
            }
            Err(Refused::Stale { .. }) => Ok(false),
            Err(refusal) => Err(refused("workspace", &refusal)),
        }
    }

    pub(in crate::orchestrator) fn observation(&self, row: &Workspace, observed: &Observed) -> Write {
        Write::ObserveWorkspace { id: row.id, expected: row.revision, observed: observed.clone(), at: self.env.now() }
    }
}

/// Whether a way to another server ends with this. A job that failed tried long enough by itself; who asked for the way
/// asks again.
fn ends_a_way(error: &Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::ProjectBusy
            | ErrorKind::StoreUnavailable
            | ErrorKind::Cancelled
            | ErrorKind::InsufficientCapacity
            | ErrorKind::NoHealthyServers
    )
}
