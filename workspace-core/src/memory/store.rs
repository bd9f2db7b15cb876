//! The store itself.

use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::change::Transaction;
use super::tables::Tables;
use crate::environment::Environment;
use crate::error::Result;
use crate::event::Event;
use crate::id::{
    AuditId, FleetId, JobId, MasterId, OwnerId, ProjectId, ServerId, SessionId, SnapshotId, TokenId, WorkspaceId,
};
use crate::model::{
    AuditEntry, Fence, IdempotencyRecord, Job, Lease, Project, Reservation, ServerState, Session, Snapshot, Status,
    Token, UsageInterval, Workspace,
};
use crate::port::{
    AuditFilter, Change, DataFilter, JobFilter, Outcome, Page, PageRequest, Refused, StateStore, UsageFilter,
    WorkspaceFilter,
};

/// A [`StateStore`] in this process's memory, on the clock of its [`Environment`].
///
/// Everything happens under one lock, so that a change is atomic and every query sees whole changes.
#[derive(Debug)]
pub struct MemoryStore {
    environment: Environment,
    fleet: FleetId,
    tables: Mutex<Tables>,
}

impl MemoryStore {
    /// An empty store of a new fleet.
    pub fn new(environment: Environment) -> Self {
        let fleet = FleetId::from_uuid(environment.uuid());
        Self { environment, fleet, tables: Mutex::default() }
    }

    /// A copy of the whole state, to try what would happen: neither store sees what the other does from now on.
    #[must_use]
    pub fn fork(&self) -> Self {
        let tables = Mutex::new(self.tables().clone());
        Self { environment: self.environment.clone(), fleet: self.fleet, tables }
    }

    /// A panic under the lock would be a mistake of ours in memory that only this process sees: going on is the lesser
    /// harm.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl StateStore for MemoryStore {
    async fn fleet_id(&self) -> Result<FleetId> {
        Ok(self.fleet)
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<Result<Outcome, Refused>>> {
        let mut tables = self.tables();
        let now = self.environment.now();
        Ok(changes.iter().map(|change| Transaction::run(&mut tables, now, change)).collect())
    }

    async fn acquire_lease(&self, master: &MasterId, ttl: Duration) -> Result<Lease> {
        Ok(self.tables().acquire_lease(master, self.environment.now(), ttl))
    }

    async fn renew_lease(&self, fence: &Fence, ttl: Duration) -> Result<Option<Lease>> {
        Ok(self.tables().renew_lease(fence, self.environment.now(), ttl))
    }

    async fn release_lease(&self, fence: &Fence) -> Result<()> {
        self.tables().release_lease(fence);
        Ok(())
    }

    async fn server(&self, id: ServerId) -> Result<Option<ServerState>> {
        let tables = self.tables();
        Ok(tables.servers.get(&id).map(|row| tables.server_state(row)))
    }

    async fn servers(&self) -> Result<Vec<ServerState>> {
        let tables = self.tables();
        Ok(tables.servers.values().map(|row| tables.server_state(row)).collect())
    }

    async fn workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>> {
        Ok(self.tables().workspaces.get(&id).cloned())
    }

    async fn workspaces(&self, filter: &WorkspaceFilter, page: PageRequest) -> Result<Page<Workspace>> {
        let tables = self.tables();
        let rows = tables.workspaces.range((after(page, WorkspaceId::from_uuid), Bound::Unbounded));
        let matching = rows.map(|(_, row)| row).filter(|row| matches(filter, row));
        Ok(paged(matching, page, |row| row.id.as_uuid()))
    }

    async fn unsettled_workspaces(&self, fence: &Fence) -> Result<Vec<WorkspaceId>> {
        let tables = self.tables();
        let now = self.environment.now();
        let mine = |id: &&WorkspaceId| {
            let driver = tables.workspaces.get(id).map(|row| &row.driver);
            driver.is_some_and(|driver| driver.master == fence.master || !tables.is_live(driver, now))
        };
        Ok(tables.live.unsettled.iter().filter(mine).copied().collect())
    }

    async fn project(&self, id: ProjectId) -> Result<Option<Project>> {
        Ok(self.tables().projects.get(&id).cloned())
    }

    async fn projects(&self, owner: Option<&OwnerId>, page: PageRequest) -> Result<Page<Project>> {
        let tables = self.tables();
        let rows = tables.projects.range((after(page, ProjectId::from_uuid), Bound::Unbounded));
        let matching = rows.map(|(_, row)| row).filter(|row| owner.is_none_or(|owner| &row.owner == owner));
        Ok(paged(matching, page, |row| row.id.as_uuid()))
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>> {
        Ok(self.tables().jobs.get(&id).cloned())
    }

    async fn jobs(&self, filter: &JobFilter, page: PageRequest) -> Result<Page<Job>> {
        let tables = self.tables();
        let rows = tables.jobs.range((after(page, JobId::from_uuid), Bound::Unbounded));
        let matching = rows.map(|(_, row)| row).filter(|row| {
            filter.project.is_none_or(|project| row.project == project)
                && filter.session.is_none_or(|session| row.session == Some(session))
                && filter.finished.is_none_or(|finished| row.status.is_finished() == finished)
        });
        Ok(paged(matching, page, |row| row.id.as_uuid()))
    }

    async fn unfinished_jobs(&self, fence: &Fence) -> Result<Vec<JobId>> {
        let tables = self.tables();
        let now = self.environment.now();
        let mine = |id: &&JobId| {
            let driver = tables.jobs.get(id).map(|row| &row.driver);
            driver.is_some_and(|driver| driver.master == fence.master || !tables.is_live(driver, now))
        };
        Ok(tables.unfinished.iter().filter(mine).copied().collect())
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>> {
        Ok(self.tables().sessions.get(&id).cloned())
    }

    async fn sessions(&self, filter: &DataFilter, page: PageRequest) -> Result<Page<Session>> {
        let tables = self.tables();
        let rows = tables.sessions.range((after(page, SessionId::from_uuid), Bound::Unbounded));
        let matching = rows.map(|(_, row)| row).filter(|row| belongs(filter, &row.owner, row.project));
        Ok(paged(matching, page, |row| row.id.as_uuid()))
    }

    async fn snapshot(&self, id: SnapshotId) -> Result<Option<Snapshot>> {
        Ok(self.tables().snapshots.get(&id).cloned())
    }

    async fn snapshots(&self, filter: &DataFilter, page: PageRequest) -> Result<Page<Snapshot>> {
        let tables = self.tables();
        let rows = tables.snapshots.range((after(page, SnapshotId::from_uuid), Bound::Unbounded));
        let matching = rows.map(|(_, row)| row).filter(|row| belongs(filter, &row.owner, row.project));
        Ok(paged(matching, page, |row| row.id.as_uuid()))
    }

    async fn reservations(&self, server: ServerId, released: bool) -> Result<Vec<Reservation>> {
        let tables = self.tables();
        let rows = tables.ledgers.get(&server).into_iter().flat_map(|ledger| &ledger.rows);
        Ok(rows.filter(|row| released || row.released_seq.is_none()).cloned().collect())
    }

    async fn events(&self, parent: Uuid, after: u64, limit: u32) -> Result<Vec<Event>> {
        let tables = self.tables();
        let events = tables.events.get(&parent).map_or(&[][..], Vec::as_slice);
        let from = events.partition_point(|event| event.seq <= after);
        Ok(events.iter().skip(from).take(limit as usize).cloned().collect())
    }

    async fn usage(
        &self,
        filter: &UsageFilter,
        after: Option<(WorkspaceId, u64)>,
        limit: u32,
    ) -> Result<Vec<UsageInterval>> {
        Ok(self.tables().usage_after(filter, after).take(limit as usize).cloned().collect())
    }

    async fn audit(&self, filter: &AuditFilter, page: PageRequest) -> Result<Page<AuditEntry>> {
        let tables = self.tables();
        let rows = tables.audit.range((after(page, AuditId::from_uuid), Bound::Unbounded));
        let matching = rows.map(|(_, row)| row).filter(|row| {
            filter.owner.as_ref().is_none_or(|owner| &row.owner == owner)
                && filter.subject.is_none_or(|subject| row.subject == subject)
                && filter.from.is_none_or(|from| row.at >= from)
                && filter.to.is_none_or(|to| row.at < to)
        });
        Ok(paged(matching, page, |row| row.id.as_uuid()))
    }

    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<Token>> {
        let tables = self.tables();
        Ok(tables.token_hashes.get(hash).and_then(|id| tables.tokens.get(id)).cloned())
    }

    async fn token(&self, id: TokenId) -> Result<Option<Token>> {
        Ok(self.tables().tokens.get(&id).cloned())
    }

    async fn remembered(&self, owner: &OwnerId, key: &str) -> Result<Option<IdempotencyRecord>> {
        Ok(self.tables().remembered.get(&(owner.clone(), key.to_owned())).cloned())
    }
}

fn after<Id>(page: PageRequest, wrap: impl Fn(Uuid) -> Id) -> Bound<Id> {
    page.after.map_or(Bound::Unbounded, |id| Bound::Excluded(wrap(id)))
}

fn paged<'a, T: Clone + 'a>(
    mut rows: impl Iterator<Item = &'a T>,
    page: PageRequest,
    id: impl Fn(&T) -> Uuid,
) -> Page<T> {
    let items: Vec<T> = rows.by_ref().take(page.limit as usize).cloned().collect();
    let more = rows.next().is_some();
    Page { next: items.last().filter(|_| more).map(id), items }
}

fn belongs(filter: &DataFilter, owner: &OwnerId, project: ProjectId) -> bool {
    filter.owner.as_ref().is_none_or(|wanted| wanted == owner) && filter.project.is_none_or(|wanted| wanted == project)
}

fn matches(filter: &WorkspaceFilter, row: &Workspace) -> bool {
    row.observed.status != Status::Deleted
        && filter.owner.as_ref().is_none_or(|owner| &row.owner == owner)
        && filter.name.as_ref().is_none_or(|name| &row.desired.name == name)
        && filter.server.is_none_or(|server| row.desired.server == Some(server))
        && filter.project.is_none_or(|project| row.desired.project == project)
        && filter.status.is_none_or(|status| row.observed.status == status)
        && filter.intent.is_none_or(|intent| row.desired.intent == intent)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::environment::SeededEntropy;
    use crate::event::NewEvent;
    use crate::model::{ServerRecord, ServerSpec};
    use crate::port::Write;
    use crate::resources::Resources;

    #[derive(Debug, Default)]
    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.load(Ordering::Relaxed))
        }
    }

    fn world() -> (Arc<Hand>, MemoryStore) {
        let hand = Arc::new(Hand::default());
        let store = MemoryStore::new(Environment::new(hand.clone(), Arc::new(SeededEntropy::new(7))));
        (hand, store)
    }

    fn event(parent: Uuid) -> Write {
        Write::Append(NewEvent {
            parent,
            at: Timestamp::default(),
            kind: "test".to_owned(),
            data: serde_json::json!({}),
        })
    }

    #[tokio::test]
    async fn leases_run_on_the_injected_clock() {
        let (hand, store) = world();
        let (first, second) = (MasterId::new("a"), MasterId::new("b"));
        let lease = store.acquire_lease(&first, Duration::from_secs(10)).await.unwrap();
        let other = store.acquire_lease(&second, Duration::from_secs(100)).await.unwrap().fence;
        assert_eq!(lease.until, Timestamp::from_micros(10_000_000));
        hand.0.store(9_999_999, Ordering::Relaxed);
        assert!(store.tables().is_live(&lease.fence, hand.now()));
        hand.0.store(10_000_000, Ordering::Relaxed);
        assert!(!store.tables().is_live(&lease.fence, hand.now()));
        assert!(store.tables().is_live(&other, hand.now()));
        assert!(store.renew_lease(&lease.fence, Duration::from_secs(1)).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_fork_goes_its_own_way() {
        let (_, store) = world();
        let parent = store.environment.uuid();
        store.commit(&[Change::default().with(event(parent))]).await.unwrap();
        let fork = store.fork();
        assert_eq!(fork.fleet_id().await.unwrap(), store.fleet_id().await.unwrap());
        fork.commit(&[Change::default().with(event(parent))]).await.unwrap();
        assert_eq!(store.events(parent, 0, 10).await.unwrap().len(), 1);
        assert_eq!(fork.events(parent, 0, 10).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_refused_change_leaves_the_tables_as_they_were() {
        let (_, store) = world();
        let id = ServerId::from_uuid(store.environment.uuid());
        let record = ServerRecord::new(
            id,
            ServerSpec::new("s", "local:///s"),
            Resources { slots: 1, ..Resources::default() },
            Timestamp::default(),
        );
        store.commit(&[Change::default().with(Write::InsertServer(record.clone()))]).await.unwrap();
        let before = format!("{:?}", store.tables());
        let renamed = ServerRecord { spec: ServerSpec::new("t", "local:///t"), ..record };
        let claim = |slots| Write::Reserve {
            server: id,
            holder: id.as_uuid(),
            part: crate::model::ReservationPart::Compute,
            resources: Resources { slots, ..Resources::default() },
            even_if_cordoned: false,
        };
        let change = Change::default()
            .with(Write::UpdateServer { record: renamed, expected: 1 })
            .with(claim(1))
            .with(Write::Release { holder: id.as_uuid(), part: crate::model::ReservationPart::Compute })
            .with(event(id.as_uuid()))
            .with(claim(2));
        let answers = store.commit(&[change]).await.unwrap();
        assert!(matches!(answers[..], [Err(Refused::Capacity { .. })]));
        // An entry of a table that became empty is no trace of a write.
        let mut tables = store.tables();
        tables.events.retain(|_, events| !events.is_empty());
        tables.ledgers.retain(|_, ledger| ledger.seq > 0);
        assert_eq!(format!("{tables:?}"), before);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_memory_store_keeps_every_rule() {
        crate::testing::conformance::state_store::run_all(async || {
            Arc::new(MemoryStore::new(Environment::system())) as Arc<dyn StateStore>
        })
        .await;
    }

    #[tokio::test]
    async fn the_network_numbers_of_a_server_end() {
        let store = MemoryStore::new(Environment::system());
        crate::testing::conformance::state_store::networks::network_numbers_end(&store).await;
    }
}
