//! How long the commit of a create takes: two claims, network, project, workspace, event and remembered answer.
//!
//! `cargo run --release -p workspace-sql --all-features --example commit_figures [changes]`; Postgres is measured
//! when `WORKSPACE_TEST_DATABASE_URL` is set, in a schema of its own that stays behind.
#![expect(clippy::print_stdout, reason = "the figures are its output")]

use std::error::Error;
use std::time::{Duration, Instant};

use serde_json::json;
use workspace_core::environment::Environment;
use workspace_core::event::NewEvent;
use workspace_core::id::{MasterId, OwnerId, ProjectId, ServerId, WorkspaceId};
use workspace_core::memory::MemoryStore;
use workspace_core::model::{
    Desired, Fence, IdempotencyRecord, Intent, Observed, PlacementRecord, Project, ReservationPart, Scheduling,
    ServerRecord, ServerSpec, Status, Workspace, WorkspaceSpec,
};
use workspace_core::port::{Change, StateStore, Write};
use workspace_core::resources::Resources;
use workspace_sql::{PostgresConfig, PostgresStore, SecretKey, SqliteStore};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn create(env: &Environment, fence: &Fence, server: ServerId) -> Change {
    let (id, project, owner, at) = (env.uuid(), env.uuid(), OwnerId::new("anna"), env.now());
    let (workspace, project_id) = (WorkspaceId::from_uuid(id), ProjectId::from_uuid(project));
    let resources = Resources { cpu_millis: 500, memory_mib: 256, disk_gib: 1, slots: 1, gpus: 0 };
    let reserve = |holder, part, resources| Write::Reserve { server, holder, part, resources, even_if_cordoned: false };
    let spec = WorkspaceSpec { image: "workspace-base".to_owned(), resources, ..WorkspaceSpec::default() };
    let desired = Desired {
        name: id.to_string(),
        project: project_id,
        spec: spec.clone(),
        claimed: spec,
        intent: Intent::Running,
        generation: 1,
        server: Some(server),
        network_slot: None,
        placement: PlacementRecord::default(),
        switch: None,
    };
    let row = Workspace {
        id: workspace,
        owner: owner.clone(),
        desired,
        observed: Observed::new(Status::Pending),
        revision: 1,
        driver: fence.clone(),
        created_at: at,
        updated_at: at,
    };
    let project_row = Project::new(project_id, owner.clone(), None, None, at);
    let event = NewEvent { parent: id, at, kind: "workspace.created".to_owned(), data: json!({ "name": id }) };
    let remembered = IdempotencyRecord { owner, key: id.to_string(), request_hash: [7; 32], resource: id, at };
    Change::by(fence)
        .with(reserve(id, ReservationPart::Compute, resources.without_disk()))
        .with(reserve(project, ReservationPart::Storage, resources.only_disk()))
        .with(Write::InsertProject(project_row))
        .with(Write::InsertWorkspace(Box::new(row)))
        .with(Write::AllotNetwork { server, workspace, from: 0 })
        .with(Write::Append(event))
        .with(Write::Remember(remembered))
}

async fn measure(name: &str, store: &dyn StateStore, changes: usize) -> Outcome<()> {
    let env = Environment::system();
    let fence = store.acquire_lease(&MasterId::new("figures"), Duration::from_mins(10)).await?.fence;
    let mut servers = Vec::new();
    for _ in 0..20 {
        let room = 1_000_000;
        let record = ServerRecord {
            id: ServerId::from_uuid(env.uuid()),
            spec: ServerSpec::new(env.uuid().to_string(), "local:///figures"),
            totals: Resources { cpu_millis: room, memory_mib: room, disk_gib: room, slots: room, gpus: 0 },
            scheduling: Scheduling::Active,
            revision: 1,
            created_at: env.now(),
        };
        servers.push(record.id);
        store.commit(&[Change::by(&fence).with(Write::InsertServer(record))]).await?;
    }
    let mut times = Vec::with_capacity(changes);
    for number in 0..changes {
        let change = [create(&env, &fence, servers[number % servers.len()])];
        let start = Instant::now();
        let answers = store.commit(&change).await?;
        times.push(start.elapsed());
        if answers.iter().any(Result::is_err) {
            return Err(format!("{name}: {answers:?}").into());
        }
    }
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1_000.0;
    println!("{name:<10} p50 {:7.3} ms   p90 {:7.3} ms   p99 {:7.3} ms", at(50), at(90), at(99));
    Ok(())
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let changes = std::env::args().nth(1).map_or(Ok(500), |text| text.parse())?;
    measure("memory", &MemoryStore::new(Environment::system()), changes).await?;
    let folder = tempfile::tempdir_in(std::env::var("TMPDIR").unwrap_or_else(|_| "/var/tmp".to_owned()))?;
    let store = SqliteStore::open(folder.path().join("state.db"), SecretKey::generate()).await?;
    measure("sqlite", &store, changes).await?;
    if let Ok(url) = std::env::var("WORKSPACE_TEST_DATABASE_URL") {
        let schema = format!("figures_{}", Environment::system().uuid().simple());
        let config = PostgresConfig { schema, ..PostgresConfig::default() };
        let store = PostgresStore::open_with(&url, SecretKey::generate(), &config).await?;
        measure("postgres", &store, changes).await?;
    }
    Ok(())
}
