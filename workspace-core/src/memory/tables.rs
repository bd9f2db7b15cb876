//! The tables and their indexes.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::event::Event;
use crate::id::{AuditId, JobId, MasterId, OwnerId, ProjectId, ServerId, SessionId, SnapshotId, TokenId, WorkspaceId};
use crate::model::{
    AuditEntry, Fence, IdempotencyRecord, Job, Project, Reservation, ReservationPart, ServerObservation, ServerRecord,
    ServerState, Session, Snapshot, Status, Token, UsageInterval, Workspace,
};
use crate::resources::Resources;

/// A server's row.
#[derive(Clone, Debug)]
pub(super) struct ServerRow {
    pub(super) record: ServerRecord,
    pub(super) observation: ServerObservation,
    pub(super) reserved: Resources,
}

/// What was claimed and given back on a server; it outlives the server's row.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    pub(super) seq: u64,
    pub(super) rows: Vec<Reservation>,
}

/// A master's last epoch and how long it may act.
#[derive(Clone, Debug)]
pub(super) struct LeaseRow {
    pub(super) epoch: u64,
    /// `None` once the lease was released.
    pub(super) until: Option<Timestamp>,
}

/// Everything that the store holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    pub(super) leases: BTreeMap<MasterId, LeaseRow>,
    pub(super) servers: BTreeMap<ServerId, ServerRow>,
    pub(super) ledgers: BTreeMap<ServerId, Ledger>,
    /// Where in which ledger the live reservation of a holder stands.
    pub(super) held: BTreeMap<(Uuid, ReservationPart), (ServerId, usize)>,
    pub(super) projects: BTreeMap<ProjectId, Project>,
    pub(super) workspaces: BTreeMap<WorkspaceId, Workspace>,
    pub(super) slots: BTreeMap<(ServerId, u32), WorkspaceId>,
    /// In the order of their numbers; they outlive the workspace.
    pub(super) usage: BTreeMap<WorkspaceId, Vec<UsageInterval>>,
    pub(super) jobs: BTreeMap<JobId, Job>,
    /// The jobs that are not finished.
    pub(super) unfinished: BTreeSet<JobId>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) snapshots: BTreeMap<SnapshotId, Snapshot>,
    pub(super) events: BTreeMap<Uuid, Vec<Event>>,
    pub(super) audit: BTreeMap<AuditId, AuditEntry>,
    pub(super) tokens: BTreeMap<TokenId, Token>,
    pub(super) token_hashes: BTreeMap<[u8; 32], TokenId>,
    pub(super) remembered: BTreeMap<(OwnerId, String), IdempotencyRecord>,
    pub(super) server_names: BTreeMap<String, ServerId>,
    pub(super) project_names: BTreeMap<OwnerId, BTreeMap<String, ProjectId>>,
    pub(super) live: LiveWorkspaces,
}

/// Indexes over the workspaces that are not tombstones.
#[derive(Clone, Debug, Default)]
pub(super) struct LiveWorkspaces {
    pub(super) names: BTreeMap<OwnerId, BTreeMap<String, WorkspaceId>>,
    pub(super) projects: BTreeMap<ProjectId, WorkspaceId>,
    pub(super) placed: BTreeMap<ServerId, u32>,
    pub(super) slots: BTreeMap<WorkspaceId, (ServerId, u32)>,
    pub(super) unsettled: BTreeSet<WorkspaceId>,
}

impl LiveWorkspaces {
    /// Takes a row up; call it after every change of the row.
    pub(super) fn enter(&mut self, row: &Workspace) {
        if row.observed.status == Status::Deleted {
            return;
        }
        self.names.entry(row.owner.clone()).or_default().insert(row.desired.name.clone(), row.id);
        self.projects.insert(row.desired.project, row.id);
        if let Some(server) = row.desired.server {
            *self.placed.entry(server).or_default() += 1;
        }
        if !row.is_settled() {
            self.unsettled.insert(row.id);
        }
    }

    /// Takes a row out; call it before every change of the row.
    pub(super) fn leave(&mut self, row: &Workspace) {
        if row.observed.status == Status::Deleted {
            return;
        }
        if let Some(names) = self.names.get_mut(&row.owner) {
            names.remove(&row.desired.name);
        }
        self.projects.remove(&row.desired.project);
        if let Some(count) = row.desired.server.and_then(|server| self.placed.get_mut(&server)) {
            *count = count.saturating_sub(1);
        }
        self.unsettled.remove(&row.id);
    }
}

impl Tables {
    /// Whether this life of a master is its last and has not ended by its own wish; it may have run out.
    pub(super) fn is_current(&self, fence: &Fence) -> bool {
        self.leases.get(&fence.master).is_some_and(|lease| lease.epoch == fence.epoch && lease.until.is_some())
    }

    /// Whether this life of a master may act on what it drives: nobody may take it over.
    pub(super) fn is_live(&self, fence: &Fence, now: Timestamp) -> bool {
        self.leases
            .get(&fence.master)
            .is_some_and(|lease| lease.epoch == fence.epoch && lease.until.is_some_and(|until| until > now))
    }

    /// A server with its sums.
    pub(super) fn server_state(&self, row: &ServerRow) -> ServerState {
        ServerState {
            record: row.record.clone(),
            observation: row.observation.clone(),
            reserved: row.reserved,
            workspaces: self.live.placed.get(&row.record.id).copied().unwrap_or(0),
        }
    }

    /// Changes a workspace's row and keeps the indexes true. Nothing happens when there is no such row.
    pub(super) fn edit_workspace(&mut self, id: WorkspaceId, edit: impl FnOnce(&mut Workspace)) {
        if let Some(row) = self.workspaces.get_mut(&id) {
            self.live.leave(row);
            edit(row);
            self.live.enter(row);
        }
    }
}
