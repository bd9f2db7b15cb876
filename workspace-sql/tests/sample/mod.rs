//! Rows to write.

use std::time::Duration;

use workspace_core::clock::Timestamp;
use workspace_core::environment::Environment;
use workspace_core::id::{MasterId, OwnerId, ProjectId, ServerId, WorkspaceId};
use workspace_core::model::{
    Desired, Fence, GitAccess, GitSource, Intent, Observed, PlacementRecord, Project, ProjectSource, ReservationPart,
    Running, ServerRecord, ServerSpec, Status, TlsMaterial, Workspace, WorkspaceSpec,
};
use workspace_core::port::{Change, Outcome, Refused, StateStore, UsageFilter, Write};
use workspace_core::resources::Resources;
use workspace_core::secret::Secret;

pub(crate) async fn try_commit(store: &dyn StateStore, write: Write) -> Result<Outcome, Refused> {
    store.commit(&[Change::default().with(write)]).await.unwrap().remove(0)
}

pub(crate) async fn commit(store: &dyn StateStore, write: Write) {
    try_commit(store, write).await.unwrap();
}

pub(crate) fn totals() -> Resources {
    Resources { cpu_millis: 100, memory_mib: 200, disk_gib: 300, slots: 4, gpus: 5 }
}

/// A server that needs a secret, with room for [`totals`].
pub(crate) fn server_with_key(key: &str) -> ServerRecord {
    let env = Environment::system();
    let mut spec = ServerSpec::new(format!("s-{}", env.uuid()), "https://127.0.0.1:2376");
    spec.tls = Some(TlsMaterial { ca: "ca".to_owned(), cert: "cert".to_owned(), key: Secret::new(key) });
    ServerRecord::new(ServerId::from_uuid(env.uuid()), spec, totals(), env.now())
}

pub(crate) fn project_with_token(token: &str) -> Project {
    let env = Environment::system();
    let url = "https://example.org/secret.git".to_owned();
    let source = GitSource { url, branch: None, submodules: false, access: Some(GitAccess::Token(Secret::new(token))) };
    let (id, source) = (ProjectId::from_uuid(env.uuid()), Some(ProjectSource::Git(source)));
    Project::new(id, OwnerId::new("anna"), None, source, env.now())
}

/// A claim of that many places by a new holder.
pub(crate) fn claim(server: ServerId, slots: u64) -> Write {
    Write::Reserve {
        server,
        holder: Environment::system().uuid(),
        part: ReservationPart::Compute,
        resources: Resources { slots, ..Resources::default() },
        even_if_cordoned: false,
    }
}

/// A server whose numbers are all given away refuses the next allotment; one that comes back is found from anywhere.
pub(crate) async fn numbers_end(
    store: &dyn StateStore,
    take_all: impl AsyncFn(ServerId),
    give_back: impl AsyncFn(u32),
) {
    let server = server_with_key("k");
    commit(store, Write::InsertServer(server.clone())).await;
    take_all(server.id).await;
    let row = workspace();
    commit(store, Write::InsertWorkspace(Box::new(row.clone()))).await;
    let allot = || Write::AllotNetwork { server: server.id, workspace: row.id, from: 100 };
    let full = Err(Refused::Capacity { dimension: None });
    assert_eq!(try_commit(store, allot()).await, full, "the numbers of a server end");
    give_back(77).await;
    let given = try_commit(store, allot()).await.unwrap().network_slot;
    assert_eq!(given, Some(77), "the search begins anew after the last number");
}

/// A workspace that runs.
pub(crate) fn running_workspace() -> Workspace {
    let mut row = workspace();
    row.desired.server = Some(ServerId::from_uuid(Environment::system().uuid()));
    row.desired.claimed.resources = totals();
    row.observed = Observed { generation: 3, ..Observed::new(Status::Running) };
    row.updated_at = Timestamp::from_micros(0);
    row
}

/// A store that begins to count finds what runs, with what it has.
pub(crate) async fn counts_from_now_on(store: &dyn StateStore, row: &Workspace) {
    let found = store.usage(&UsageFilter::default(), None, 10).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    let one = &found[0];
    assert_eq!((one.workspace, one.seq, &one.owner, one.ended), (row.id, 1, &row.owner, None));
    assert_eq!(Some(one.running), Running::of(row));
    let age = Environment::system().now().since(one.began);
    assert!(age < Duration::from_mins(1), "nobody knows what was before: {age:?}");
}

fn workspace() -> Workspace {
    let env = Environment::system();
    let spec = WorkspaceSpec { image: "workspace-base".to_owned(), ..WorkspaceSpec::default() };
    Workspace {
        id: WorkspaceId::from_uuid(env.uuid()),
        owner: OwnerId::new("anna"),
        desired: Desired {
            name: "w".to_owned(),
            project: ProjectId::from_uuid(env.uuid()),
            spec: spec.clone(),
            claimed: spec,
            intent: Intent::Running,
            generation: 1,
            server: None,
            network_slot: None,
            placement: PlacementRecord::default(),
            switch: None,
            forget: false,
        },
        observed: Observed::new(Status::Pending),
        revision: 1,
        driver: Fence { master: MasterId::new("m"), epoch: 1 },
        created_at: env.now(),
        updated_at: env.now(),
    }
}
