//! Health in virtual time, on simulated servers.

use std::time::Duration;

use tokio::time::sleep;

use crate::id::WorkspaceId;
use crate::model::{Health, HealthCheck, HealthSpec, Status};
use crate::orchestrator::test_fleet::fleet_of;
use crate::orchestrator::{Caller, NewWorkspace, Orchestrator, WorkspacePatch};
use crate::testing::sim::{SimPool, World};

const MINUTE: Duration = Duration::from_mins(1);

struct Rig {
    world: std::sync::Arc<World>,
    fleet: Orchestrator,
    admin: Caller,
}

impl Rig {
    async fn new() -> Self {
        let (world, fleet, _) = fleet_of(["one"]).await;
        Self { world, fleet, admin: Caller::admin() }
    }

    async fn run(&self, name: &str, check: HealthCheck) -> WorkspaceId {
        let mut new = NewWorkspace::new(name, "base");
        new.spec.health = Some(HealthSpec::new(check));
        new.spec.ports = vec![8000];
        let id = self.fleet.create_workspace(&self.admin, new, None).await.unwrap().id;
        let row = self.fleet.wait(&self.admin, id, MINUTE).await.unwrap();
        assert_eq!(row.observed.status, Status::Running, "it runs when its container does: {:?}", row.observed.error);
        id
    }

    async fn health(&self, id: WorkspaceId) -> Health {
        let row = self.fleet.workspace(&self.admin, id).await.unwrap();
        assert_eq!(row.observed.status, Status::Running);
        row.observed.health
    }

    async fn mark(&self, id: WorkspaceId) {
        self.fleet.write_file(&self.admin, id, "ready", "".into()).await.unwrap();
    }

    /// What its events tell.
    async fn told(&self, id: WorkspaceId) -> Vec<String> {
        let events = self.fleet.core.store.events(id.as_uuid(), 0, 1_000).await.unwrap();
        let told = events.iter().filter(|event| event.kind == "workspace.health");
        told.map(|event| event.data["health"].as_str().unwrap().to_owned()).collect()
    }

    async fn end(self) {
        assert_eq!(self.world.violations(), Vec::<String>::new());
        self.fleet.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_marker_makes_it_healthy_and_its_loss_does_not() {
    let rig = Rig::new().await;
    let id = rig.run("marked", HealthCheck::File("ready".to_owned())).await;
    assert_eq!(rig.health(id).await, Health::Starting);
    sleep(MINUTE / 3).await;
    assert_eq!(rig.health(id).await, Health::Starting, "failures do not count in the start period");
    rig.mark(id).await;
    sleep(MINUTE / 30).await;
    assert_eq!(rig.health(id).await, Health::Healthy, "what starts is looked at every second");
    rig.fleet.delete_file(&rig.admin, id, "ready").await.unwrap();
    sleep(MINUTE / 3).await;
    assert_eq!(rig.health(id).await, Health::Healthy, "two failures are not three");
    sleep(MINUTE / 4).await;
    assert_eq!(rig.health(id).await, Health::Unhealthy);
    rig.mark(id).await;
    sleep(MINUTE / 5).await;
    assert_eq!(rig.health(id).await, Health::Healthy);
    assert_eq!(rig.told(id).await, ["healthy", "unhealthy", "healthy"], "each change once");
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn programs_and_ports_are_looked_at() {
    let rig = Rig::new().await;
    let cat = ["cat", "/workspace/ready"].map(str::to_owned).to_vec();
    let program = rig.run("program", HealthCheck::Exec { argv: cat }).await;
    let missing = rig.run("missing", HealthCheck::Exec { argv: vec!["no-such-program".to_owned()] }).await;
    let open = rig.run("open", HealthCheck::Tcp { port: 8000 }).await;
    let http = rig.run("http", HealthCheck::Http { port: 8000, path: "/".to_owned() }).await;
    let closed = rig.run("closed", HealthCheck::Tcp { port: 8001 }).await;
    rig.mark(program).await;
    sleep(MINUTE).await;
    let all = [program, missing, open, http, closed];
    let health = futures::future::join_all(all.map(|id| rig.health(id))).await;
    let [well, ill] = [Health::Healthy, Health::Unhealthy];
    assert_eq!(health, [well, ill, well, well, ill]);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_container_starts_anew_and_a_silent_server_says_nothing() {
    let rig = Rig::new().await;
    let id = rig.run("marked", HealthCheck::File("ready".to_owned())).await;
    rig.mark(id).await;
    sleep(MINUTE / 6).await;
    rig.world.hang("one", MINUTE / 2);
    sleep(MINUTE * 2 / 3).await;
    assert_eq!(rig.health(id).await, Health::Healthy, "nobody could tell otherwise");
    sleep(MINUTE).await;
    rig.fleet.restart_workspace(&rig.admin, id).await.unwrap();
    let row = rig.fleet.wait(&rig.admin, id, MINUTE).await.unwrap();
    assert_eq!((row.observed.generation, row.observed.health), (2, Health::Starting));
    sleep(MINUTE / 20).await;
    assert_eq!(rig.health(id).await, Health::Healthy, "the new one is looked at without the pause of the old");
    assert_eq!(rig.told(id).await, ["healthy", "healthy"]);
    let stopped = rig.fleet.stop_workspace(&rig.admin, id).await.unwrap();
    let stopped = rig.fleet.wait(&rig.admin, stopped.id, MINUTE).await.unwrap();
    assert_eq!((stopped.observed.status, stopped.observed.health), (Status::Stopped, Health::Unknown));
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn another_check_comes_with_the_next_start() {
    let rig = Rig::new().await;
    let id = rig.run("marked", HealthCheck::File("never".to_owned())).await;
    let restarted = async |health: Option<HealthSpec>| {
        let patch = WorkspacePatch { health: Some(health), ..WorkspacePatch::default() };
        let row = rig.fleet.patch_workspace(&rig.admin, id, patch, None).await.unwrap();
        assert!(row.desired.is_pending_restart());
        rig.fleet.restart_workspace(&rig.admin, id).await.unwrap();
        rig.fleet.wait(&rig.admin, id, MINUTE).await.unwrap();
        sleep(MINUTE / 10).await;
        rig.health(id).await
    };
    rig.mark(id).await;
    assert_eq!(rig.health(id).await, Health::Starting);
    assert_eq!(restarted(Some(HealthSpec::new(HealthCheck::File("ready".to_owned())))).await, Health::Healthy);
    assert_eq!(restarted(Some(HealthSpec::new(HealthCheck::File("none".to_owned())))).await, Health::Starting);
    assert_eq!(restarted(None).await, Health::Healthy, "it runs, and nothing else is asked");
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn another_life_of_the_master_goes_on_looking() {
    let rig = Rig::new().await;
    let id = rig.run("marked", HealthCheck::File("ready".to_owned())).await;
    rig.fleet.shutdown().await;
    let store = std::sync::Arc::clone(&rig.fleet.core.store);
    let next = Orchestrator::builder(SimPool::new(&rig.world))
        .shared_store(store)
        .environment(rig.world.environment())
        .start()
        .await
        .unwrap();
    next.write_file(&rig.admin, id, "ready", "".into()).await.unwrap();
    sleep(MINUTE).await;
    let row = next.workspace(&rig.admin, id).await.unwrap();
    assert_eq!(row.observed.health, Health::Healthy);
    next.shutdown().await;
}
