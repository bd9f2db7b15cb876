//! Looking at running workspaces that say how to tell whether they are well.
//!
//! One task per workspace, on the master that drives it, from the moment that it runs. It begins each round with the
//! row and ends with the generation that it looks at; the reconcile pass begins those that a restart, another master or
//! a lost server left without one. Only changes are written. An unhealthy workspace is shown, not restarted.

mod look;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use tokio::time::sleep;

use self::look::Seen;
use crate::error::{Error, Result};
use crate::id::WorkspaceId;
use crate::model::{Health, HealthSpec, Observed, Status, Workspace};
use crate::orchestrator::Core;
use crate::orchestrator::refusal::refused;
use crate::port::{Change, Refused, WorkspaceFilter, Write};

/// What starts is looked at this often, whatever its interval: somebody waits for it.
const SOON: Duration = Duration::from_secs(1);

/// The workspaces that this master looks at.
#[derive(Debug, Default)]
pub(super) struct Watched(Mutex<BTreeMap<WorkspaceId, Arc<Notify>>>);

impl Watched {
    /// How to be told to look at once; `None` when somebody looks at it already.
    fn begin(&self, id: WorkspaceId) -> Option<Arc<Notify>> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id) {
            Entry::Vacant(place) => Some(Arc::clone(place.insert(Arc::default()))),
            Entry::Occupied(_) => None,
        }
    }

    /// Has whoever looks at it look at once.
    fn poke(&self, id: WorkspaceId) {
        if let Some(poke) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            poke.notify_one();
        }
    }

    fn end(&self, id: WorkspaceId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// What a workspace is that begins to run: well, unless it says how to tell.
pub(super) const fn at_first(row: &Workspace) -> Health {
    if row.desired.claimed.health.is_some() { Health::Starting } else { Health::Healthy }
}

/// How the looks at one generation went so far.
#[derive(Debug, Default)]
struct Rounds {
    generation: u64,
    /// In a row, that count.
    failures: u32,
}

impl Rounds {
    /// What a workspace is after another look.
    fn after(&mut self, row: &Workspace, spec: &HealthSpec, well: bool, age: Duration) -> Health {
        let before = row.observed.health;
        if well {
            self.failures = 0;
            return Health::Healthy;
        }
        if before == Health::Starting && age < Duration::from_millis(spec.start_period_ms) {
            return before;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= spec.retries { Health::Unhealthy } else { before }
    }
}

impl Core {
    /// Begins to look at a workspace that runs and says how; one that is looked at already is.
    pub(super) fn watch_health(self: &Arc<Self>, row: &Workspace) {
        let Some(tasks) = self.tasks.upgrade() else { return };
        if self.watched_spec(row).is_none() {
            return;
        }
        let Some(poke) = self.watched.begin(row.id) else { return };
        let (core, id, stopping) = (Arc::clone(self), row.id, tasks.stopping());
        tasks.spawn(async move {
            tokio::select! {
                biased;
                () = stopping.raised() => {}
                () = core.keep_looking(id, &poke) => {}
            }
            core.watched.end(id);
        });
    }

    /// Looks at once at a workspace that just began to run.
    pub(super) async fn look_at_once(self: &Arc<Self>, id: WorkspaceId) -> Result<()> {
        self.watched.poke(id);
        if let Some(row) = self.store.workspace(id).await? {
            self.watch_health(&row);
        }
        Ok(())
    }

    /// Begins to look at what nobody looks at.
    pub(super) async fn watch_all(self: &Arc<Self>) -> Result<()> {
        let running = WorkspaceFilter { status: Some(Status::Running), ..WorkspaceFilter::default() };
        let has_check = |row: &Workspace| row.desired.claimed.health.is_some() && row.is_settled();
        for row in self.every_workspace(&running).await?.into_iter().filter(has_check) {
            if &row.driver == self.lease.fence() {
                self.watch_health(&row);
            } else {
                self.adopt_to_watch(row).await?;
            }
        }
        Ok(())
    }

    /// What rests is driven by nobody in particular: its driver may be an earlier life of ours, or gone. Only its
    /// driver records what was seen; while that one lives, it looks.
    async fn adopt_to_watch(self: &Arc<Self>, mut row: Workspace) -> Result<()> {
        let adopted = self.commit(Change::by(self.lease.fence()).with(Write::AdoptWorkspace(row.id))).await?;
        if adopted.is_ok() {
            row.driver = self.lease.fence().clone();
            self.watch_health(&row);
        }
        Ok(())
    }

    /// How to look at a workspace that runs and is ours.
    fn watched_spec<'a>(&self, row: &'a Workspace) -> Option<&'a HealthSpec> {
        let ours = &row.driver == self.lease.fence() && row.observed.status == Status::Running && row.is_settled();
        row.desired.claimed.health.as_ref().filter(|_| ours)
    }

    async fn keep_looking(&self, id: WorkspaceId, poke: &Notify) {
        let mut rounds = Rounds::default();
        loop {
            let pause = match self.round(id, &mut rounds).await {
                Ok(Some(pause)) => pause,
                Ok(None) => return,
                Err(error) => {
                    tracing::debug!(workspace = %id, error = error.chain(), "health not recorded");
                    self.config.poll_interval
                }
            };
            tokio::select! {
                biased;
                () = poke.notified() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Looks once; answers how long to wait for the next time, `None` when there is nothing to look at any more.
    async fn round(&self, id: WorkspaceId, rounds: &mut Rounds) -> Result<Option<Duration>> {
        let Some(row) = self.store.workspace(id).await? else { return Ok(None) };
        let Some(spec) = self.watched_spec(&row) else { return Ok(None) };
        if rounds.generation != row.observed.generation {
            *rounds = Rounds { generation: row.observed.generation, failures: 0 };
        }
        let problem = match self.look_at(&row, spec).await {
            Seen::Well => None,
            Seen::Ill(problem) => Some(problem),
            // A server that does not answer says nothing of what runs there.
            Seen::Nothing => return Ok(Some(Duration::from_millis(spec.interval_ms))),
        };
        let age = row.observed.started_at.map_or(Duration::MAX, |start| self.env.now().since(start));
        let health = rounds.after(&row, spec, problem.is_none(), age);
        if health != row.observed.health {
            self.show_health(&row, health, problem.as_deref()).await?;
        }
        let interval = Duration::from_millis(spec.interval_ms);
        Ok(Some(if health == Health::Starting { interval.min(SOON) } else { interval }))
    }

    /// Records how a workspace is; a row that changed meanwhile is left to the next look.
    async fn show_health(&self, row: &Workspace, health: Health, problem: Option<&str>) -> Result<()> {
        tracing::info!(workspace = %row.id, ?health, problem, "health changed");
        let observed = Observed { health, ..row.observed.clone() };
        let data = json!({ "health": health, "generation": row.observed.generation, "problem": problem });
        let change = Change::by(self.lease.fence())
            .with(self.observation(row, &observed))
            .with(Write::Append(self.event(row.id.as_uuid(), "workspace.health", data)));
        match self.commit(change).await? {
            Ok(_) => {
                self.hub.wake(row.id.as_uuid());
                Ok(())
            }
            Err(Refused::Stale { .. } | Refused::Fenced | Refused::NotFound) => Ok(()),
            Err(refusal) => Err::<(), Error>(refused("workspace", &refusal)),
        }
    }
}

#[cfg(test)]
mod tests;
