//! Making many workspaces at once: a class, a batch of agents.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::error::{Error, Result};
use crate::model::{Scope, Workspace};
use crate::orchestrator::claim::{ATTEMPTS, check_wish, outrun};
use crate::orchestrator::create_workspace::Draft;
use crate::orchestrator::refusal::refused;
use crate::orchestrator::{Caller, Core, NewWorkspace, Orchestrator};
use crate::placement::{Decision, PlacementRequest, PlacementStrategy, built_in};
use crate::port::{Change, Outcome, Refused};

/// A workspace on its way to a place.
struct Wish {
    /// Its number among those that were asked for.
    index: usize,
    draft: Draft,
    strategy: Arc<dyn PlacementStrategy>,
    request: PlacementRequest,
    cursor: u64,
}

impl Orchestrator {
    /// Records many workspaces, as [`Orchestrator::create_workspace`] does one, with one look at the fleet, one pass of
    /// decisions, each on what the ones before it leave, and one commit. What another master's claim got in the way of
    /// is decided again, together.
    ///
    /// Each has its own answer, in order: one that fails fails alone.
    ///
    /// # Errors
    /// Of the whole call: `Forbidden`, and when the store cannot be reached; what was recorded is not known then. Of
    /// each workspace: as for one.
    pub async fn place_many(&self, caller: &Caller, news: Vec<NewWorkspace>) -> Result<Vec<Result<Workspace>>> {
        caller.require(Scope::WorkspacesWrite)?;
        let core = &self.core;
        let mut fleet = core.fleet_now().await?;
        let mut answers: Vec<Option<Result<Workspace>>> = Vec::with_capacity(news.len());
        let mut wishes = Vec::with_capacity(news.len());
        for (index, new) in news.into_iter().enumerate() {
            let wish = match core.draft(caller, new).await {
                Ok(draft) => Wish::new(core, index, draft),
                Err(error) => {
                    answers.push(Some(Err(error)));
                    continue;
                }
            };
            answers.push(check_wish(&wish.request, &fleet.servers).err().map(Err));
            if answers[index].is_none() {
                wishes.push(wish);
            }
        }
        for _ in 0..ATTEMPTS {
            if wishes.is_empty() {
                break;
            }
            let claims = core.decide_all(&fleet.servers, &mut wishes, &mut answers);
            for (mut wish, decision, result) in core.commit_all(claims).await? {
                match result {
                    Ok(outcome) => {
                        let workspace = wish.draft.recorded(&decision, &outcome);
                        core.drive(workspace.id);
                        answers[wish.index] = Some(Ok(workspace));
                    }
                    Err(Refused::Capacity { .. } | Refused::ServerClosed) => {
                        core.refresh(&mut fleet, decision.server).await?;
                        wish.request.excluded.insert(decision.server);
                        wishes.push(wish);
                    }
                    Err(refusal) => answers[wish.index] = Some(Err(refused("workspace", &refusal))),
                }
            }
        }
        Ok(answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(outrun()))).collect())
    }
}

impl Wish {
    fn new(core: &Core, index: usize, draft: Draft) -> Self {
        let cursor = core.cursor.fetch_add(1, Ordering::Relaxed);
        Self { index, strategy: built_in(draft.strategy()), request: draft.request(), draft, cursor }
    }
}

impl Core {
    /// Decides on every wish; those without a place have their answer.
    fn decide_all(
        &self,
        servers: &[crate::model::ServerState],
        wishes: &mut Vec<Wish>,
        answers: &mut [Option<Result<Workspace>>],
    ) -> Vec<(Wish, Decision)> {
        let decisions =
            self.find_places(servers, wishes.iter().map(|wish| (&*wish.strategy, &wish.request, wish.cursor)));
        let mut claims = Vec::with_capacity(wishes.len());
        for (wish, decision) in std::mem::take(wishes).into_iter().zip(decisions) {
            match decision {
                Ok(decision) => claims.push((wish, decision)),
                Err(error) => answers[wish.index] = Some(Err(error)),
            }
        }
        claims
    }

    /// Commits the claims in one call.
    async fn commit_all(
        &self,
        claims: Vec<(Wish, Decision)>,
    ) -> Result<Vec<(Wish, Decision, Result<Outcome, Refused>)>> {
        let changes: Vec<Change> =
            claims.iter().map(|(wish, decision)| wish.draft.change(self, decision, None)).collect();
        let results = self.store.commit(&changes).await?;
        if results.len() != claims.len() {
            return Err(Error::new(crate::error::ErrorKind::Internal, "the store did not answer for every change"));
        }
        for event in results.iter().flatten().flat_map(|outcome| &outcome.events) {
            self.hub.wake(event.parent);
        }
        Ok(claims.into_iter().zip(results).map(|((wish, decision), result)| (wish, decision, result)).collect())
    }
}
