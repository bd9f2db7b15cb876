//! Deciding in memory, claiming in the store, and deciding again when the store knew better.

use std::sync::atomic::Ordering;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ServerState, StrategyKind};
use crate::orchestrator::Core;
use crate::placement::{Decision, PlacementRequest, built_in};
use crate::port::{Change, Outcome, Refused};

/// How often a decision is repeated because other masters were faster.
pub(super) const ATTEMPTS: usize = 16;

impl Core {
    /// Places a request and commits what `change` makes of the decision, the claim included.
    ///
    /// The inner result is a refusal that has nothing to do with capacity.
    ///
    /// # Errors
    /// As [`decide`](crate::placement::decide).
    pub(super) async fn claim(
        &self,
        strategy: StrategyKind,
        mut request: PlacementRequest,
        change: impl Fn(&Decision) -> Change + Send + Sync,
    ) -> Result<Result<(Decision, Outcome), Refused>> {
        let strategy = built_in(strategy);
        let cursor = self.cursor.fetch_add(1, Ordering::Relaxed);
        let mut fleet = self.fleet_now().await?;
        check_wish(&request, &fleet.servers)?;
        for _ in 0..ATTEMPTS {
            let (decision, under_way) = self.find_place(strategy.as_ref(), &fleet, &request, cursor)?;
            match self.commit(change(&decision)).await? {
                Ok(outcome) => {
                    under_way.granted(self.fleet_reads());
                    return Ok(Ok((decision, outcome)));
                }
                Err(Refused::Capacity { .. } | Refused::ServerClosed) => {
                    tracing::debug!(server = decision.server_name, "claim refused, deciding again");
                    request.excluded.insert(decision.server);
                    self.refresh(&mut fleet, decision.server).await?;
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        Err(outrun())
    }

    /// Commits one change and wakes whoever waits for its events.
    pub(super) async fn commit(&self, change: Change) -> Result<Result<Outcome, Refused>> {
        let mut results = self.store.commit(std::slice::from_ref(&change)).await?;
        let result =
            results.pop().ok_or_else(|| Error::new(ErrorKind::Internal, "the store answered for no change"))?;
        if let Ok(outcome) = &result {
            for event in &outcome.events {
                self.hub.wake(event.parent);
            }
        }
        Ok(result)
    }
}

/// Every attempt met another claim.
pub(super) fn outrun() -> Error {
    Error::new(ErrorKind::InsufficientCapacity, "other requests were faster on every server")
        .hint("try again in a moment")
}

/// A server that was asked for must exist: a slip in its name is no matter of capacity.
pub(super) fn check_wish(request: &PlacementRequest, servers: &[ServerState]) -> Result<()> {
    match &request.server {
        Some(wanted) if !servers.iter().any(|server| request.names(&server.record)) => {
            Err(Error::invalid("placement.server", format!("no such server {wanted:?}"))
                .hint("give the name or the id of a server of the fleet"))
        }
        _ => Ok(()),
    }
}
