//! A small fleet of simulated servers without faults, for unit tests.

use std::sync::Arc;

use crate::id::{MasterId, ServerId};
use crate::memory::MemoryStore;
use crate::model::ServerSpec;
use crate::orchestrator::{Caller, Config, Orchestrator, Registration};
use crate::port::StateStore;
use crate::resources::Resources;
use crate::testing::sim::run::Watch;
use crate::testing::sim::{FaultPlan, FaultyStore, SimPool, World};

/// Servers with room for a few workspaces; they have the image `base`.
pub(super) fn world_of<const N: usize>(names: [&str; N]) -> Arc<World> {
    let world = World::new(1, FaultPlan::none());
    let totals = Resources { cpu_millis: 8_000, memory_mib: 8_192, disk_gib: 40, slots: 16, gpus: 0 };
    for name in names {
        world.add_server(name, totals, &["base"], &[]);
    }
    world
}

/// A store where what must hold is looked at after every commit, and what says so at the end.
pub(super) fn watched_store(world: &Arc<World>) -> (Arc<dyn StateStore>, Held) {
    let store = Arc::new(MemoryStore::new(world.environment()));
    let store = FaultyStore::new(world, store).watched(Arc::new(Watch::default()));
    (Arc::new(store), Held(Arc::clone(world)))
}

/// Ends the test that drops it when something did not hold.
#[derive(Debug)]
pub(super) struct Held(Arc<World>);

impl Drop for Held {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.0.violations(), Vec::<String>::new());
        }
    }
}

/// Registers servers of the world.
pub(super) async fn register<const N: usize>(fleet: &Orchestrator, names: [&str; N]) -> [ServerId; N] {
    let mut ids = Vec::new();
    for name in names {
        let spec = ServerSpec::new(name, format!("sim://{name}"));
        let server = fleet.register_server(&Caller::admin(), spec, Registration::MustAnswer, None).await.unwrap();
        ids.push(server.record.id);
    }
    ids.try_into().unwrap()
}

/// A master of servers.
pub(super) async fn fleet_of<const N: usize>(names: [&str; N]) -> (Arc<World>, Orchestrator, [ServerId; N]) {
    let world = world_of(names);
    let fleet = Orchestrator::builder(SimPool::new(&world)).environment(world.environment()).start().await.unwrap();
    let ids = register(&fleet, names).await;
    (world, fleet, ids)
}

/// One of several masters on one store.
pub(super) async fn master_of(world: &Arc<World>, store: &Arc<dyn StateStore>, name: &str) -> Orchestrator {
    let config = Config { master: MasterId::new(name), ..Config::default() };
    Orchestrator::builder(SimPool::new(world))
        .environment(world.environment())
        .shared_store(Arc::clone(store))
        .config(config)
        .start()
        .await
        .unwrap()
}
