//! One seed: a phase in which things go wrong, then one in which the fleet must converge.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{ErrorKind, Result};
use crate::memory::MemoryStore;
use crate::model::ServerSpec;
use crate::orchestrator::{Caller, NewWorkspace, Registration, ServerObjectKind};
use crate::port::StateStore;
use crate::resources::Resources;
use crate::testing::sim::run::chaos;
use crate::testing::sim::run::client::Clients;
use crate::testing::sim::run::data::projects;
use crate::testing::sim::run::history::{History, check_data, rows, strays_kept};
use crate::testing::sim::run::masters::Masters;
use crate::testing::sim::run::quiet::{differences, unknown_volumes};
use crate::testing::sim::run::report::Report;
use crate::testing::sim::run::watch::Watch;
use crate::testing::sim::{Dice, FaultPlan, World};

/// After this nothing comes late any more: the longest deadline with what a late call takes beyond it, and what waited
/// for servers and masters that hung.
const LATEST: Duration = Duration::from_secs(160);
/// Everything must have converged this long after the last fault: leases have ended, starts have been given up, and
/// orphans have been swept twice over.
const LIVENESS: Duration = Duration::from_mins(15);
/// What has converged must stay so.
const STEADY: Duration = Duration::from_mins(1);
/// How often what differs then is looked at again, every five seconds: programs still end and workspaces still expire,
/// and what that leaves is seen to when it was seen for two minutes.
const PATIENCE: u32 = 40;

/// Runs one seed. It makes a runtime of its own: do not call it inside of another.
///
/// # Errors
/// When the operating system gives no runtime.
pub fn run_seed(seed: u64) -> std::io::Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    Ok(runtime.block_on(scenario(seed)))
}

async fn scenario(seed: u64) -> Report {
    let dice = Dice::new(seed);
    let plan = FaultPlan::by_seed(&dice);
    let world = World::new(dice.number(), plan.clone());
    world.note(&format_args!("seed {seed}: {plan:?}"));
    let store: Arc<dyn StateStore> = Arc::new(MemoryStore::new(world.environment()));
    let watch = Arc::new(Watch::default());
    let masters = Arc::new(Masters::start(&world, &store, &watch, *dice.pick(&[1, 1, 2, 2, 2, 3]).unwrap_or(&1)));
    let history = Arc::new(History::default());
    world.set_faults(false);
    add_servers(&world, &masters, 1 + dice.below(3)).await;
    let clients = Clients {
        world: Arc::clone(&world),
        store: Arc::clone(&store),
        masters: Arc::clone(&masters),
        history: Arc::clone(&history),
    };

    world.set_faults(true);
    let chaos = chaos::unleash(&world, &masters, &plan);
    clients.run(20 + dice.below(50)).await;
    drop(chaos);

    world.note(&"no more faults");
    masters.go_on();
    world.set_faults(false);
    for server in world.servers() {
        world.heal(&server);
    }
    sleep(LATEST).await;
    uncordon(&world, &masters).await;
    converge(&world, &store).await;
    consistent(&world, &masters).await;
    history.check(&world, store.as_ref()).await;
    check_data(&world, store.as_ref()).await;
    strays_kept(&world, store.as_ref()).await;
    clean_slate(&world, &store, &masters).await;
    watch.look_back(&world, store.as_ref()).await;
    report(seed, &world, store.as_ref()).await
}

async fn add_servers(world: &World, masters: &Masters, count: u64) {
    for index in 0..count {
        let name = format!("server-{index}");
        let totals = Resources {
            cpu_millis: 1_000 * (2 + world.dice.below(3)),
            memory_mib: 1_024 * (2 + world.dice.below(3)),
            disk_gib: 40,
            slots: 10,
            gpus: 0,
        };
        world.add_server(&name, totals, &["base", "worker"], &["pulled"]);
        let spec = ServerSpec::new(&name, format!("sim://{name}"));
        let fleet = masters.any().await;
        if let Err(error) = fleet.register_server(&Caller::admin(), spec, Registration::MustAnswer, None).await {
            world.violation(&format_args!("{name} was not registered: {}", error.chain()));
        }
    }
}

/// A master's books are those of the store (I10).
async fn consistent(world: &World, masters: &Masters) {
    match masters.any().await.consistency_check(&Caller::admin()).await {
        Err(error) => world.violation(&format_args!("I10 the books were not compared: {}", error.chain())),
        Ok(found) => {
            for difference in found.differences {
                world.violation(&format_args!("I10 the books do not agree: {difference:?}"));
            }
            // Volumes of copies that were given up may be made late, and are kept.
            let strays = found.strays.into_iter().filter(|object| object.kind != ServerObjectKind::Volume);
            for object in strays.chain(found.missing) {
                world.violation(&format_args!("I2 rows and servers do not agree: {object:?}"));
            }
            for (server, why) in found.unanswered {
                world.violation(&format_args!("I10 {server} was not compared: {why}"));
            }
        }
    }
}

async fn uncordon(world: &World, masters: &Masters) {
    let (fleet, admin) = (masters.any().await, Caller::admin());
    for server in fleet.servers(&admin).await.unwrap_or_default() {
        if let Err(error) = fleet.uncordon_server(&admin, server.record.id).await {
            world.violation(&format_args!("{} was not uncordoned: {}", server.record.spec.name, error.chain()));
        }
    }
}

/// Waits until nothing differs, and sees that it stays so.
async fn converge(world: &World, store: &Arc<dyn StateStore>) {
    let deadline = Instant::now() + LIVENESS;
    loop {
        let left = differences(world, store.as_ref()).await;
        if left.is_empty() {
            break;
        }
        if Instant::now() >= deadline {
            for difference in left {
                world.violation(&format_args!("after {} s: {difference}", LIVENESS.as_secs()));
            }
            return;
        }
        sleep(Duration::from_secs(5)).await;
    }
    world.note(&"converged");
    sleep(STEADY).await;
    // Programs go on to end by themselves: only what stays is wrong.
    let mut left = Vec::new();
    for _ in 0..PATIENCE {
        left = differences(world, store.as_ref()).await;
        if left.is_empty() {
            return;
        }
        sleep(Duration::from_secs(5)).await;
    }
    for difference in left {
        world.violation(&format_args!("{} s after everything was at rest: {difference}", STEADY.as_secs()));
    }
}

/// What is gone when it is asked for has come to its own end, as a workspace does at its time. What is written to at
/// this moment, as found data is that is rescued, is asked for again.
async fn must_be_deleted<T>(world: &World, id: impl Display, delete: impl AsyncFn() -> Result<T>) {
    for attempt in 1.. {
        match delete().await {
            Err(error) if error.kind() == ErrorKind::ProjectBusy && attempt < PATIENCE => {
                sleep(Duration::from_secs(5)).await;
            }
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return world.violation(&format_args!("{id} was not deleted: {}", error.chain()));
            }
            _ => return,
        }
    }
}

/// A workspace can be made, everything can be deleted, and then nothing is left.
async fn clean_slate(world: &World, store: &Arc<dyn StateStore>, masters: &Masters) {
    let (fleet, admin) = (masters.any().await, Caller::admin());
    for row in rows(store.as_ref()).await {
        must_be_deleted(world, row.id, || fleet.delete_workspace(&admin, row.id, None)).await;
    }
    converge(world, store).await;
    for project in projects(store.as_ref()).await {
        must_be_deleted(world, project.id, || fleet.delete_project(&admin, project.id)).await;
    }
    converge(world, store).await;
    let left = rows(store.as_ref()).await.len();
    if left > 0 {
        world.violation(&format_args!("I4 {left} workspaces are still there after they were deleted"));
    }
    match fleet.create_workspace(&admin, NewWorkspace::new("last", "base"), None).await {
        Err(error) => world.violation(&format_args!("no workspace can be made: {}", error.chain())),
        Ok(row) => {
            let status = fleet.wait(&admin, row.id, Duration::from_mins(1)).await.map(|row| row.observed);
            if !status.as_ref().is_ok_and(|observed| observed.status == crate::model::Status::Running) {
                world.violation(&format_args!("I4 a new workspace does not run: {status:?}"));
            }
        }
    }
}

async fn report(seed: u64, world: &World, store: &dyn StateStore) -> Report {
    let unknown_volumes = unknown_volumes(world, store).await;
    let trace_hash = world.journal.hash();
    let pages = world.journal.pages();
    Report {
        seed,
        steps: pages.steps.values().sum(),
        faults: pages.faults.clone(),
        virtual_time: world.clock.elapsed(),
        violations: pages.violations.clone(),
        trace_hash,
        trace: pages.lines.iter().cloned().collect(),
        ghosts: pages.ghosts,
        unknown_volumes,
    }
}
