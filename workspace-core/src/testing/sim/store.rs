//! A store that fails.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::id::{FleetId, JobId, MasterId, OwnerId, ProjectId, ServerId, SessionId, SnapshotId, TokenId, WorkspaceId};
use crate::model::{
    AuditEntry, Fence, IdempotencyRecord, Job, Lease, Project, Reservation, ServerState, Session, Snapshot, Token,
    UsageInterval, Workspace,
};
use crate::port::{
    AuditFilter, Change, DataFilter, JobFilter, Outcome, Page, PageRequest, Refused, StateStore, UsageFilter,
    WorkspaceFilter, Write,
};
use crate::testing::sim::run::Watch;
use crate::testing::sim::{Fault, Gate, PortCall, World};

/// One master's way to the store: calls take time, fail before anything was written, or after all of it was.
#[derive(Debug)]
pub struct FaultyStore {
    world: Arc<World>,
    inner: Arc<dyn StateStore>,
    outage: Mutex<Option<Instant>>,
    watch: Option<Arc<Watch>>,
    gate: Arc<Gate>,
}

impl FaultyStore {
    /// A way to `inner` on which things go wrong by the world's plan.
    pub fn new(world: &Arc<World>, inner: Arc<dyn StateStore>) -> Self {
        Self { world: Arc::clone(world), inner, outage: Mutex::default(), watch: None, gate: Arc::default() }
    }

    /// Looks at everything after each commit.
    #[must_use]
    pub(crate) fn watched(mut self, watch: Arc<Watch>) -> Self {
        self.watch = Some(watch);
        self
    }

    /// Everything through it passes this gate.
    #[must_use]
    pub fn gated(mut self, gate: &Arc<Gate>) -> Self {
        self.gate = Arc::clone(gate);
        self
    }

    /// Cannot be reached for a while.
    pub fn fail_for(&self, how_long: Duration) {
        self.world.journal.fault(Fault::StoreOutage, None);
        *self.outage.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + how_long);
    }

    /// The way there.
    async fn there(&self, call: PortCall) -> Result<()> {
        let strike = self.world.strike(call);
        self.gate.struck(&self.world, call, strike).await;
        if self.gate.pass().await {
            self.world.journal.fault(Fault::Paused, Some(call));
        }
        self.world.journal.step(call);
        sleep(self.world.dice.between(Duration::ZERO, Duration::from_millis(3))).await;
        let Some(plan) = self.world.plan() else { return Ok(()) };
        let outage = *self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        if outage.is_some_and(|until| until > Instant::now()) {
            self.world.journal.fault(Fault::StoreOutage, Some(call));
            sleep(Duration::from_millis(200)).await;
            return Err(unavailable());
        }
        if self.world.dice.chance(plan.store_before) {
            self.world.journal.fault(Fault::StoreBefore, Some(call));
            return Err(unavailable());
        }
        Ok(())
    }

    /// The way back: what was written stays written.
    async fn back<T>(&self, call: PortCall, answer: T) -> Result<T> {
        sleep(self.world.dice.between(Duration::ZERO, Duration::from_millis(2))).await;
        let strike = if call == PortCall::Query { None } else { self.world.strike(call) };
        self.gate.struck(&self.world, call, strike).await;
        if self.gate.pass().await {
            self.world.journal.fault(Fault::Paused, Some(call));
        }
        let lost = self.world.plan().is_some_and(|plan| self.world.dice.chance(plan.store_after));
        if lost && call != PortCall::Query {
            self.world.journal.fault(Fault::StoreAfter, Some(call));
            return Err(unavailable());
        }
        Ok(answer)
    }

    fn note(&self, changes: &[Change], answers: &[Result<Outcome, Refused>]) {
        for (change, answer) in changes.iter().zip(answers) {
            let by = change.fence.as_ref().map_or("-", |fence| fence.master.as_str());
            match answer {
                Ok(outcome) => {
                    for event in &outcome.events {
                        let Event { parent, seq, kind, data, .. } = event;
                        self.world.note(&format_args!("{by} {parent} #{seq} {kind} {data}"));
                    }
                }
                Err(refused) => self.world.note(&format_args!("{by} refused: {refused:?}")),
            }
        }
    }
}

fn unavailable() -> Error {
    Error::new(ErrorKind::StoreUnavailable, "the store cannot be reached").hint("try again")
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl StateStore for FaultyStore {
    async fn fleet_id(&self) -> Result<FleetId> {
        self.there(PortCall::Query).await?;
        self.inner.fleet_id().await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<Result<Outcome, Refused>>> {
        self.there(PortCall::Commit).await?;
        let answers = self.inner.commit(changes).await?;
        self.note(changes, &answers);
        // What probes tell happens all the time, and moves no row.
        let moved = |change: &Change| change.writes.iter().any(|write| !matches!(write, Write::ObserveServer { .. }));
        if let Some(watch) = self.watch.as_ref().filter(|_| changes.iter().any(moved)) {
            watch.look(&self.world, self.inner.as_ref()).await;
        }
        self.back(PortCall::Commit, answers).await
    }

    async fn acquire_lease(&self, master: &MasterId, ttl: Duration) -> Result<Lease> {
        self.there(PortCall::Lease).await?;
        let lease = self.inner.acquire_lease(master, ttl).await?;
        self.back(PortCall::Lease, lease).await
    }

    async fn renew_lease(&self, fence: &Fence, ttl: Duration) -> Result<Option<Lease>> {
        self.there(PortCall::Lease).await?;
        let lease = self.inner.renew_lease(fence, ttl).await?;
        self.back(PortCall::Lease, lease).await
    }

    async fn release_lease(&self, fence: &Fence) -> Result<()> {
        self.there(PortCall::Lease).await?;
        self.inner.release_lease(fence).await?;
        self.back(PortCall::Lease, ()).await
    }

    async fn server(&self, id: ServerId) -> Result<Option<ServerState>> {
        self.there(PortCall::Query).await?;
        self.inner.server(id).await
    }

    async fn servers(&self) -> Result<Vec<ServerState>> {
        self.there(PortCall::Query).await?;
        self.inner.servers().await
    }

    async fn workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>> {
        self.there(PortCall::Query).await?;
        let row = self.inner.workspace(id).await?;
        self.back(PortCall::Query, row).await
    }

    async fn workspaces(&self, filter: &WorkspaceFilter, page: PageRequest) -> Result<Page<Workspace>> {
        self.there(PortCall::Query).await?;
        self.inner.workspaces(filter, page).await
    }

    async fn unsettled_workspaces(&self, fence: &Fence) -> Result<Vec<WorkspaceId>> {
        self.there(PortCall::Query).await?;
        self.inner.unsettled_workspaces(fence).await
    }

    async fn project(&self, id: ProjectId) -> Result<Option<Project>> {
        self.there(PortCall::Query).await?;
        self.inner.project(id).await
    }

    async fn projects(&self, owner: Option<&OwnerId>, page: PageRequest) -> Result<Page<Project>> {
        self.there(PortCall::Query).await?;
        self.inner.projects(owner, page).await
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>> {
        self.there(PortCall::Query).await?;
        self.inner.job(id).await
    }

    async fn jobs(&self, filter: &JobFilter, page: PageRequest) -> Result<Page<Job>> {
        self.there(PortCall::Query).await?;
        self.inner.jobs(filter, page).await
    }

    async fn unfinished_jobs(&self, fence: &Fence) -> Result<Vec<JobId>> {
        self.there(PortCall::Query).await?;
        self.inner.unfinished_jobs(fence).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>> {
        self.there(PortCall::Query).await?;
        self.inner.session(id).await
    }

    async fn sessions(&self, filter: &DataFilter, page: PageRequest) -> Result<Page<Session>> {
        self.there(PortCall::Query).await?;
        self.inner.sessions(filter, page).await
    }

    async fn snapshot(&self, id: SnapshotId) -> Result<Option<Snapshot>> {
        self.there(PortCall::Query).await?;
        self.inner.snapshot(id).await
    }

    async fn snapshots(&self, filter: &DataFilter, page: PageRequest) -> Result<Page<Snapshot>> {
        self.there(PortCall::Query).await?;
        self.inner.snapshots(filter, page).await
    }

    async fn reservations(&self, server: ServerId, released: bool) -> Result<Vec<Reservation>> {
        self.there(PortCall::Query).await?;
        self.inner.reservations(server, released).await
    }

    async fn events(&self, parent: Uuid, after: u64, limit: u32) -> Result<Vec<Event>> {
        self.there(PortCall::Query).await?;
        self.inner.events(parent, after, limit).await
    }

    async fn usage(
        &self,
        filter: &UsageFilter,
        after: Option<(WorkspaceId, u64)>,
        limit: u32,
    ) -> Result<Vec<UsageInterval>> {
        self.there(PortCall::Query).await?;
        self.inner.usage(filter, after, limit).await
    }

    async fn audit(&self, filter: &AuditFilter, page: PageRequest) -> Result<Page<AuditEntry>> {
        self.there(PortCall::Query).await?;
        self.inner.audit(filter, page).await
    }

    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<Token>> {
        self.there(PortCall::Query).await?;
        self.inner.token_by_hash(hash).await
    }

    async fn token(&self, id: TokenId) -> Result<Option<Token>> {
        self.there(PortCall::Query).await?;
        self.inner.token(id).await
    }

    async fn remembered(&self, owner: &OwnerId, key: &str) -> Result<Option<IdempotencyRecord>> {
        self.there(PortCall::Query).await?;
        self.inner.remembered(owner, key).await
    }
}
