//! What the rules have in common: rows to write and ways to look at the answers.

use std::future::Future;
use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use crate::environment::Environment;
use crate::event::NewEvent;
use crate::id::{MasterId, OwnerId, ProjectId, ServerId, SessionId, WorkspaceId};
use crate::model::{
    Desired, Fence, Intent, Observed, PlacementRecord, Project, ReservationPart, Scheduling, ServerRecord, ServerSpec,
    Session, Status, Workspace, WorkspaceSpec,
};
use crate::port::{Change, Outcome, Refused, StateStore, Write};
use crate::resources::Resources;

/// Long enough that no lease of a rule ends by itself.
pub(super) const LONG: Duration = Duration::from_mins(10);

/// A store and what fills it.
pub(super) struct Rig<'a> {
    pub(super) store: &'a dyn StateStore,
    pub(super) env: Environment,
}

impl<'a> Rig<'a> {
    pub(super) fn new(store: &'a dyn StateStore) -> Self {
        Self { store, env: Environment::system() }
    }

    /// Commits one change.
    pub(super) async fn try_commit(&self, change: Change) -> Result<Outcome, Refused> {
        let mut answers = self.store.commit(&[change]).await.expect("the store answers");
        assert_eq!(answers.len(), 1, "commit answers once for each change");
        answers.remove(0)
    }

    /// Commits what must be accepted.
    pub(super) async fn commit(&self, change: Change) -> Outcome {
        let writes = format!("{:?}", change.writes);
        self.try_commit(change).await.unwrap_or_else(|refused| unreachable_refusal(&refused, &writes))
    }

    /// Commits one write that must be accepted.
    pub(super) async fn write(&self, write: Write) -> Outcome {
        self.commit(Change::default().with(write)).await
    }

    /// Commits a write that must be refused like this, and sees that nothing of its change was written and that the
    /// changes before and after it in the same commit were.
    pub(super) async fn refuse(&self, rule: &str, fence: Option<&Fence>, write: Write, expected: Refused) {
        let (kept, lost) = (self.env.uuid(), self.env.uuid());
        let around = || Change::default().with(self.event(kept));
        let bad = Change { fence: fence.cloned(), writes: vec![self.event(lost), write, self.event(lost)] };
        let answers = self.store.commit(&[around(), bad, around()]).await.expect("the store answers");
        assert_eq!(answers.len(), 3, "{rule}: one answer for each change");
        assert_eq!(answers[1], Err(expected), "{rule}");
        assert!(answers[0].is_ok() && answers[2].is_ok(), "{rule}: a refusal takes no other change with it");
        assert_eq!(self.seqs(kept).await, [1, 2], "{rule}: the changes around a refused one are written");
        assert_eq!(self.seqs(lost).await, [0; 0], "{rule}: nothing of a refused change is written");
    }

    /// The numbers of a parent's events.
    pub(super) async fn seqs(&self, parent: Uuid) -> Vec<u64> {
        let events = self.store.events(parent, 0, 10_000).await.expect("the store answers");
        events.iter().map(|event| event.seq).collect()
    }

    pub(super) async fn lease(&self, master: &str, ttl: Duration) -> Fence {
        self.store.acquire_lease(&MasterId::new(master), ttl).await.expect("the store answers").fence
    }

    /// The lease of a master that has ended.
    pub(super) async fn dead_lease(&self, master: &str) -> Fence {
        self.lease(master, Duration::ZERO).await
    }

    pub(super) async fn workspace(&self, id: WorkspaceId) -> Workspace {
        self.store.workspace(id).await.expect("the store answers").expect("the workspace is there")
    }

    pub(super) async fn reserved(&self, server: ServerId) -> Resources {
        self.store.server(server).await.expect("the store answers").expect("the server is there").reserved
    }

    pub(super) fn event(&self, parent: Uuid) -> Write {
        let data = json!({ "text": "grün \u{0}", "number": u64::MAX });
        Write::Append(NewEvent { parent, at: self.env.now(), kind: "test.event".to_owned(), data })
    }

    pub(super) fn name(&self) -> String {
        format!("n-{}", self.env.uuid())
    }

    pub(super) fn server_row(&self, totals: Resources) -> ServerRecord {
        ServerRecord::new(
            ServerId::from_uuid(self.env.uuid()),
            ServerSpec::new(self.name(), "http://127.0.0.1:2375"),
            totals,
            self.env.now(),
        )
    }

    /// Registers a server.
    pub(super) async fn server(&self, totals: Resources) -> ServerRecord {
        let record = self.server_row(totals);
        self.write(Write::InsertServer(record.clone())).await;
        record
    }

    /// Cordons or opens a server.
    pub(super) async fn schedule(&self, server: ServerId, scheduling: Scheduling) -> ServerRecord {
        let record = self.store.server(server).await.expect("the store answers").expect("it is there").record;
        let expected = record.revision;
        let record = ServerRecord { scheduling, ..record };
        self.write(Write::UpdateServer { record: record.clone(), expected }).await;
        ServerRecord { revision: expected + 1, ..record }
    }

    pub(super) fn project_row(&self, owner: &str, name: Option<&str>) -> Project {
        let (id, name) = (ProjectId::from_uuid(self.env.uuid()), name.map(str::to_owned));
        Project::new(id, OwnerId::new(owner), name, None, self.env.now())
    }

    pub(super) fn session_row(&self, owner: &str, project: ProjectId) -> Session {
        Session {
            id: SessionId::from_uuid(self.env.uuid()),
            owner: OwnerId::new(owner),
            project,
            title: "Add a README".to_owned(),
            branch: "agent/add-a-readme".to_owned(),
            created_at: self.env.now(),
        }
    }

    pub(super) fn workspace_row(&self, owner: &str, name: &str, driver: &Fence) -> Workspace {
        let spec = WorkspaceSpec { image: "workspace-base".to_owned(), ..WorkspaceSpec::default() };
        let desired = Desired {
            name: name.to_owned(),
            project: ProjectId::from_uuid(self.env.uuid()),
            claimed: spec.clone(),
            spec,
            intent: Intent::Running,
            generation: 1,
            server: None,
            network_slot: None,
            placement: PlacementRecord::default(),
            switch: None,
            forget: false,
        };
        let now = self.env.now();
        Workspace {
            id: WorkspaceId::from_uuid(self.env.uuid()),
            owner: OwnerId::new(owner),
            desired,
            observed: Observed::new(Status::Pending),
            revision: 1,
            driver: driver.clone(),
            created_at: now,
            updated_at: now,
        }
    }

    /// Records a workspace.
    pub(super) async fn insert(&self, row: &Workspace) {
        self.write(Write::InsertWorkspace(Box::new(row.clone()))).await;
    }

    /// Records a workspace with a name of its own.
    pub(super) async fn any_workspace(&self, driver: &Fence) -> Workspace {
        let row = self.workspace_row("owner", &self.name(), driver);
        self.insert(&row).await;
        row
    }

    /// What the driver says of a workspace.
    pub(super) fn observe(&self, row: &Workspace, status: Status) -> Write {
        Write::ObserveWorkspace {
            id: row.id,
            expected: row.revision,
            observed: Observed::new(status),
            at: self.env.now(),
        }
    }

    /// A decision that changes nothing but what the caller changed in the row.
    pub(super) fn decide(&self, row: &Workspace) -> Write {
        Write::DecideWorkspace {
            id: row.id,
            expected: row.revision,
            desired: Box::new(row.desired.clone()),
            status: None,
            driver: None,
            at: self.env.now(),
        }
    }

    /// Makes a tombstone of a workspace.
    pub(super) async fn bury(&self, row: &Workspace) {
        let fence = self.workspace(row.id).await.driver;
        self.commit(Change::by(&fence).with(self.observe(row, Status::Deleted))).await;
    }
}

/// A claim of compute.
pub(super) fn claim(server: ServerId, holder: Uuid, resources: Resources) -> Write {
    Write::Reserve { server, holder, part: ReservationPart::Compute, resources, even_if_cordoned: false }
}

/// A release of compute.
pub(super) fn release(holder: Uuid) -> Write {
    Write::Release { holder, part: ReservationPart::Compute }
}

/// That many places and nothing else.
pub(super) fn slots(slots: u64) -> Resources {
    Resources { slots, ..Resources::default() }
}

/// Waits until something is so; the rule is broken when it is not within half a minute.
pub(super) async fn eventually<Fut: Future<Output = bool>>(rule: &str, mut holds: impl FnMut() -> Fut) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < Duration::from_secs(30), "{rule}: not within half a minute");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[expect(clippy::panic, reason = "ends the test")]
fn unreachable_refusal(refused: &Refused, writes: &str) -> Outcome {
    panic!("refused as {refused:?} what must be accepted: {writes}")
}
