//! What must survive.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::event::Event;
use crate::id::{FleetId, JobId, MasterId, OwnerId, ProjectId, ServerId, SessionId, SnapshotId, TokenId, WorkspaceId};
use crate::model::{
    AuditEntry, Fence, IdempotencyRecord, Intent, Job, Lease, Project, Reservation, ServerState, Session, Snapshot,
    Status, Token, UsageInterval, Workspace,
};
use crate::port::{Change, Outcome, Refused};

/// Which part of a list, in the order of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Only what comes after this id.
    pub after: Option<Uuid>,
    /// At most this many.
    pub limit: u32,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { after: None, limit: 100 }
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next begins; `None` at the end.
    pub next: Option<Uuid>,
}

/// Which workspaces; every condition that is set must hold. Tombstones are never listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspaceFilter {
    /// Of this owner.
    pub owner: Option<OwnerId>,
    /// Of this name.
    pub name: Option<String>,
    /// On this server.
    pub server: Option<ServerId>,
    /// With this project.
    pub project: Option<ProjectId>,
    /// With this status.
    pub status: Option<Status>,
    /// With this intent.
    pub intent: Option<Intent>,
}

/// Which jobs; every condition that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// On this project.
    pub project: Option<ProjectId>,
    /// Of this session.
    pub session: Option<SessionId>,
    /// Finished or not.
    pub finished: Option<bool>,
}

/// Which sessions or snapshots; every condition that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataFilter {
    /// Of this owner.
    pub owner: Option<OwnerId>,
    /// Of this project.
    pub project: Option<ProjectId>,
}

/// Which running intervals; every condition that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageFilter {
    /// Of this owner.
    pub owner: Option<OwnerId>,
    /// Of this workspace.
    pub workspace: Option<WorkspaceId>,
    /// That had not ended by then.
    pub from: Option<Timestamp>,
    /// That had begun before then.
    pub to: Option<Timestamp>,
}

/// Which entries of the audit log; every condition that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// That this owner asked for.
    pub owner: Option<OwnerId>,
    /// About this.
    pub subject: Option<Uuid>,
    /// From then on.
    pub from: Option<Timestamp>,
    /// Before then.
    pub to: Option<Timestamp>,
}

/// The state of a fleet.
///
/// # Contract
/// - `commit` answers for each change by itself, in order. A change is atomic: all of its writes or none. Changes of
///   one call, and of calls at the same time, may share a transaction; one that is refused, or fails, never takes
///   another call's with it. An `Err` of the whole call means that the store could not be reached and that it is not
///   known what was written.
/// - The guards of [`Write`](crate::port::Write) are checked inside the transaction: they hold with any number of
///   masters.
/// - What was committed survives the death of the process (the memory store's life is the process's) and is seen by
///   every later query of every master.
/// - The numbers of one parent's events have no holes; only the first may have been pruned
///   ([`Write::Prune`](crate::port::Write::Prune)).
/// - Running intervals follow the rows: whatever write makes a workspace's row say `running`
///   ([`Running::of`](crate::model::Running::of)), something else, or that something else runs, ends the open interval
///   and begins the next in the same change. A workspace has at most one open interval, and its intervals never
///   overlap.
/// - Leases run on the store's clock.
///
/// # Implementing
/// Run `workspace_core::testing::conformance::state_store` against it.
///
/// # Backends differ in
/// | | memory | SQLite | Postgres |
/// |---|---|---|---|
/// | survives the process | no | yes | yes |
/// | masters at once | one process | one ([`StoreInUse`](crate::error::ErrorKind::StoreInUse)) | many |
/// | secrets at rest | not written | sealed | sealed |
#[async_trait]
pub trait StateStore: Debug + Send + Sync + 'static {
    /// The fleet whose state this is; minted once, with the store.
    async fn fleet_id(&self) -> Result<FleetId>;

    /// Writes changes.
    async fn commit(&self, changes: &[Change]) -> Result<Vec<Result<Outcome, Refused>>>;

    /// Takes a master's lease anew with the next epoch; an earlier epoch of the same master ends at once.
    async fn acquire_lease(&self, master: &MasterId, ttl: Duration) -> Result<Lease>;

    /// Prolongs a lease; `None` when it is no longer the master's current epoch.
    async fn renew_lease(&self, fence: &Fence, ttl: Duration) -> Result<Option<Lease>>;

    /// Ends a lease at once, so that others may take over; an ended one is ended already. What this life still writes
    /// is refused.
    async fn release_lease(&self, fence: &Fence) -> Result<()>;

    /// One server.
    async fn server(&self, id: ServerId) -> Result<Option<ServerState>>;

    /// Every server, in the order of ids.
    async fn servers(&self) -> Result<Vec<ServerState>>;

    /// One workspace, also a tombstone.
    async fn workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>>;

    /// Workspaces in the order of ids.
    async fn workspaces(&self, filter: &WorkspaceFilter, page: PageRequest) -> Result<Page<Workspace>>;

    /// The workspaces that the master should look at: not settled ([`Workspace::is_settled`]), and driven by this
    /// master in any epoch or by one whose lease has ended.
    async fn unsettled_workspaces(&self, fence: &Fence) -> Result<Vec<WorkspaceId>>;

    /// One project.
    async fn project(&self, id: ProjectId) -> Result<Option<Project>>;

    /// The projects of an owner, or of all, in the order of ids.
    async fn projects(&self, owner: Option<&OwnerId>, page: PageRequest) -> Result<Page<Project>>;

    /// One job.
    async fn job(&self, id: JobId) -> Result<Option<Job>>;

    /// Jobs in the order of ids.
    async fn jobs(&self, filter: &JobFilter, page: PageRequest) -> Result<Page<Job>>;

    /// The jobs that the master should look at: not finished, and driven by this master in any epoch or by one whose
    /// lease has ended.
    async fn unfinished_jobs(&self, fence: &Fence) -> Result<Vec<JobId>>;

    /// One session.
    async fn session(&self, id: SessionId) -> Result<Option<Session>>;

    /// Sessions in the order of ids.
    async fn sessions(&self, filter: &DataFilter, page: PageRequest) -> Result<Page<Session>>;

    /// One snapshot.
    async fn snapshot(&self, id: SnapshotId) -> Result<Option<Snapshot>>;

    /// Snapshots in the order of ids.
    async fn snapshots(&self, filter: &DataFilter, page: PageRequest) -> Result<Page<Snapshot>>;

    /// Every reservation of a server in the order of their claims, with the released ones if asked for.
    async fn reservations(&self, server: ServerId, released: bool) -> Result<Vec<Reservation>>;

    /// The events of a parent after the `after`-th, at most `limit`.
    async fn events(&self, parent: Uuid, after: u64, limit: u32) -> Result<Vec<Event>>;

    /// Running intervals in the order of workspaces and of their numbers, after the one of that number; at most
    /// `limit`.
    async fn usage(
        &self,
        filter: &UsageFilter,
        after: Option<(WorkspaceId, u64)>,
        limit: u32,
    ) -> Result<Vec<UsageInterval>>;

    /// Entries of the audit log in the order of ids.
    async fn audit(&self, filter: &AuditFilter, page: PageRequest) -> Result<Page<AuditEntry>>;

    /// The token with this hash.
    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<Token>>;

    /// One token.
    async fn token(&self, id: TokenId) -> Result<Option<Token>>;

    /// What is remembered of a request.
    async fn remembered(&self, owner: &OwnerId, key: &str) -> Result<Option<IdempotencyRecord>>;
}
