//! Steps with words in place of numbers.

use std::time::Duration;

use workspace_core::clock::Timestamp;
use workspace_core::event::NewEvent;
use workspace_core::id::{AuditId, MasterId, OwnerId, ProjectId, ServerId, TokenId, WorkspaceId};
use workspace_core::model::{
    AuditEntry, Desired, Fence, GitAccess, GitSource, IdempotencyRecord, Intent, Observed, PlacementRecord, Problem,
    Project, ProjectSource, ReservationPart, Scheduling, ServerObservation, ServerRecord, ServerSpec, Status,
    TlsMaterial, Token, Workspace, WorkspaceSpec,
};
use workspace_core::port::{Change, Horizon, StateStore, Write};
use workspace_core::resources::Resources;
use workspace_core::secret::Secret;

use super::{Pick, Step, World};

/// What both stores are asked.
#[derive(Debug)]
pub(crate) enum Deed {
    Acquire(MasterId, Duration),
    Renew(Fence, Duration),
    Release(Fence),
    Commit(Vec<Change>),
}

const LONG: Duration = Duration::from_hours(1);

impl World {
    fn master(&self, number: usize) -> MasterId {
        MasterId::new(self.named("m", number))
    }

    /// The `back`-th life before the current one: renewing for no time at all tells which that is.
    async fn fence(&self, store: &dyn StateStore, master: usize, back: u64) -> Fence {
        let master = self.master(master);
        let mut epoch = 0;
        while let fence = (Fence { master: master.clone(), epoch: epoch + 1 })
            && self.began(store, &fence).await
        {
            epoch += 1;
        }
        Fence { master, epoch: epoch.saturating_sub(back) }
    }

    /// Each life leaves an event behind when it begins.
    async fn began(&self, store: &dyn StateStore, fence: &Fence) -> bool {
        !store.events(self.lives(&fence.master), fence.epoch - 1, 1).await.unwrap().is_empty()
    }

    /// The parent of the events that count a master's lives.
    pub(super) fn lives(&self, master: &MasterId) -> uuid::Uuid {
        if *master == self.master(0) { self.holders[2] } else { self.holders[3] }
    }

    pub(crate) async fn deed(&self, step: &Step, store: &dyn StateStore) -> Deed {
        match step {
            Step::Acquire { master, alive } => {
                Deed::Acquire(self.master(*master), if *alive { LONG } else { Duration::ZERO })
            }
            Step::Renew { master, back } => Deed::Renew(self.fence(store, *master, *back).await, LONG),
            Step::Release { master } => Deed::Release(self.fence(store, *master, 0).await),
            Step::Commit { changes } => {
                let mut deeds = Vec::new();
                for draft in changes {
                    let fence = match draft.by {
                        Some((master, back)) => Some(self.fence(store, master, back).await),
                        None => None,
                    };
                    let mut writes = Vec::new();
                    for pick in &draft.writes {
                        writes.push(self.write(*pick, store, fence.as_ref()).await);
                    }
                    deeds.push(Change { fence, writes });
                }
                Deed::Commit(deeds)
            }
        }
    }

    async fn write(&self, pick: Pick, store: &dyn StateStore, fence: Option<&Fence>) -> Write {
        let Pick { kind, a, b, c, d } = pick;
        let at = Timestamp::from_micros(i64::try_from(a * 256 + b).unwrap());
        let (server, project) = (ServerId::from_uuid(self.servers[a % 3]), ProjectId::from_uuid(self.projects[a % 4]));
        let workspace = WorkspaceId::from_uuid(self.workspaces[a % 4]);
        let holder = self.holders[b % 2];
        let part = if c % 3 == 0 { ReservationPart::Storage } else { ReservationPart::Compute };
        match kind {
            0..5 => Write::InsertServer(self.server(pick)),
            5..11 => {
                Write::UpdateServer { record: self.server(pick), expected: self.server_revision(store, pick).await }
            }
            11..13 => {
                let last_error = Some(format!("e{b}"));
                Write::ObserveServer { id: server, observation: ServerObservation { last_error, ..Default::default() } }
            }
            13..16 => Write::RemoveServer(server),
            16..21 => Write::InsertProject(self.project(pick)),
            21..25 => {
                let current = store.project(project).await.unwrap().map_or(1, |row| row.revision);
                Write::UpdateProject { project: self.project(pick), expected: near(current, d) }
            }
            25..28 => Write::RemoveProject(project),
            28..38 => Write::InsertWorkspace(Box::new(self.workspace(pick, fence))),
            38..47 => Write::DecideWorkspace {
                id: workspace,
                expected: self.workspace_revision(store, pick).await,
                desired: Box::new(self.workspace(pick, fence).desired),
                status: (c % 3 == 0).then_some(Status::Stopping),
                driver: fence.filter(|_| c % 2 == 0).cloned(),
                at,
            },
            47..57 => Write::ObserveWorkspace {
                id: workspace,
                expected: self.workspace_revision(store, pick).await,
                observed: self.workspace(pick, fence).observed,
                at,
            },
            57..62 => Write::AdoptWorkspace(workspace),
            62..76 => Write::Reserve {
                server,
                holder,
                part,
                resources: Resources { slots: c as u64 % 4, memory_mib: d as u64 % 8, ..Resources::default() },
                even_if_cordoned: d % 4 == 0,
            },
            76..82 => Write::Release { holder, part },
            82..87 => {
                let workspace = WorkspaceId::from_uuid(self.workspaces[b % 4]);
                Write::AllotNetwork { server, workspace, from: [0, 1, 2, 4_095, 9_999][c % 5] }
            }
            87..89 => Write::FreeNetwork(workspace),
            89 => Write::Audit(self.entry(pick, at)),
            90..93 => Write::Append(NewEvent { parent: holder, at, kind: format!("k{c}"), data: d.into() }),
            93 => Write::Prune(Horizon { events: at, audit: at, answers: at, ledger_changes: c as u64 % 4 }),
            94 => Write::InsertToken(self.token(pick)),
            95..97 => Write::RevokeToken { id: TokenId::from_uuid(self.tokens[a % 2]), at },
            _ => Write::Remember(self.remembered(pick, at)),
        }
    }

    fn owner(&self, number: usize) -> OwnerId {
        OwnerId::new(self.named("o", number % 2))
    }

    fn server(&self, Pick { a, b, c, d, .. }: Pick) -> ServerRecord {
        let mut spec = ServerSpec::new(self.named("s", b % 3), "https://127.0.0.1:2376");
        let key = Secret::new(format!("key{d}"));
        spec.tls = (d % 2 == 0).then(|| TlsMaterial { ca: String::new(), cert: String::new(), key });
        ServerRecord {
            id: ServerId::from_uuid(self.servers[a % 3]),
            spec,
            totals: Resources { slots: c as u64 % 7, memory_mib: d as u64 % 20, ..Resources::default() },
            for_jobs: Resources { memory_mib: d as u64 % 3, ..Resources::default() },
            scheduling: [Scheduling::Active, Scheduling::Active, Scheduling::Cordoned, Scheduling::Draining][b % 4],
            revision: 1,
            created_at: Timestamp::default(),
        }
    }

    fn project(&self, Pick { a, b, c, d, .. }: Pick) -> Project {
        let access = (d % 3 == 0).then(|| GitAccess::Token(Secret::new(format!("t{c}"))));
        let source =
            GitSource { url: format!("https://example.org/{c}"), branch: None, submodules: d % 4 == 0, access };
        let (id, name) = (ProjectId::from_uuid(self.projects[a % 4]), (c % 4 != 0).then(|| self.named("p", c % 2)));
        let source = (d % 2 == 0).then_some(ProjectSource::Git(source));
        Project::new(id, self.owner(b), name, source, Timestamp::default())
    }

    fn workspace(&self, Pick { a, b, c, d, .. }: Pick, fence: Option<&Fence>) -> Workspace {
        let status = Status::ALL[d % Status::ALL.len()];
        let problem = Problem { code: format!("c{b}"), message: String::new(), hint: None };
        let generation = b as u64 % 2;
        Workspace {
            id: WorkspaceId::from_uuid(self.workspaces[a % 4]),
            owner: self.owner(b),
            desired: Desired {
                name: self.named("w", c % 3),
                project: ProjectId::from_uuid(self.projects[d % 4]),
                spec: WorkspaceSpec { image: format!("i{c}"), ..WorkspaceSpec::default() },
                claimed: WorkspaceSpec { image: format!("i{d}"), ..WorkspaceSpec::default() },
                intent: [Intent::Running, Intent::Stopped, Intent::Deleted][c % 3],
                generation: 1,
                server: (b % 3 != 0).then(|| ServerId::from_uuid(self.servers[b % 3])),
                network_slot: None,
                placement: PlacementRecord::default(),
                switch: None,
                forget: false,
            },
            observed: Observed {
                generation,
                error: (c % 2 == 0).then_some(problem.clone()),
                waiting: (d % 2 == 0).then_some(problem),
                ..Observed::new(status)
            },
            revision: 1,
            driver: fence.cloned().unwrap_or_else(|| Fence { master: self.master(d % 2), epoch: 1 }),
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }
    }

    fn token(&self, Pick { a, b, c, .. }: Pick) -> Token {
        let mut hash = [u8::try_from(b % 2).unwrap(); 32];
        hash[..16].copy_from_slice(self.tokens[0].as_bytes());
        Token {
            id: TokenId::from_uuid(self.tokens[a % 2]),
            hash,
            owner: self.owner(b),
            scopes: [workspace_core::model::Scope::ALL[c % 6]].into(),
            expires_at: None,
            revoked_at: None,
            created_at: Timestamp::default(),
        }
    }

    fn entry(&self, Pick { a, b, c, d, .. }: Pick, at: Timestamp) -> AuditEntry {
        AuditEntry {
            id: AuditId::from_uuid(self.entries[a % 16]),
            at,
            owner: self.owner(b),
            token: (c % 2 == 0).then(|| TokenId::from_uuid(self.tokens[0])),
            action: format!("a{c}"),
            subject: self.holders[0],
            name: (d % 2 == 0).then(|| format!("n{d}")),
        }
    }

    fn remembered(&self, Pick { a, b, c, .. }: Pick, at: Timestamp) -> IdempotencyRecord {
        let (owner, key) = (self.owner(a), format!("key{}", b % 2));
        IdempotencyRecord { owner, key, request_hash: [u8::try_from(c).unwrap(); 32], resource: self.holders[0], at }
    }

    async fn server_revision(&self, store: &dyn StateStore, pick: Pick) -> u64 {
        let row = store.server(ServerId::from_uuid(self.servers[pick.a % 3])).await.unwrap();
        near(row.map_or(1, |state| state.record.revision), pick.d)
    }

    async fn workspace_revision(&self, store: &dyn StateStore, pick: Pick) -> u64 {
        let row = store.workspace(WorkspaceId::from_uuid(self.workspaces[pick.a % 4])).await.unwrap();
        near(row.map_or(1, |row| row.revision), pick.d)
    }
}

/// Mostly the right revision.
fn near(current: u64, number: usize) -> u64 {
    if number.is_multiple_of(8) { current.saturating_sub(1) } else { current }
}
