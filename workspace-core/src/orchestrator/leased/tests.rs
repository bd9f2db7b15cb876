//! A master that stood still in the middle of a job's start, and woke up when another had done the job.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::id::MasterId;
use crate::memory::MemoryStore;
use crate::model::JobStatus;
use crate::orchestrator::test_fleet::{register, world_of};
use crate::orchestrator::{AgentRequest, Caller, Config, NewExecution, NewProject, Orchestrator};
use crate::port::StateStore;
use crate::testing::sim::{FaultyStore, Gate, SimPool, World};

/// Longer than a lease lasts, and than another master needs for the job.
const LONG: Duration = Duration::from_secs(200);

/// In milliseconds: a start with everything around it is over by then.
const START: u64 = 60;

/// What a master passes on its ways to the servers and to the store.
#[derive(Debug, Default)]
struct Gates {
    servers: Arc<Gate>,
    store: Arc<Gate>,
}

async fn master(world: &Arc<World>, store: &Arc<dyn StateStore>, name: &str, gates: &Gates) -> Orchestrator {
    Orchestrator::builder(SimPool::new(world).gated(&gates.servers))
        .store(FaultyStore::new(world, Arc::clone(store)).gated(&gates.store))
        .environment(world.environment())
        .config(Config { master: MasterId::new(name), ..Config::default() })
        .start()
        .await
        .unwrap()
}

/// An agent's job whose master stands still this long after it was asked for; whether another master had to do it.
async fn job_is_run_once(standstill: Duration) -> bool {
    let world = world_of(["one"]);
    world.set_faults(false);
    let store: Arc<dyn StateStore> = Arc::new(MemoryStore::new(world.environment()));
    let gates = Gates::default();
    let late = master(&world, &store, "late", &gates).await;
    register(&late, ["one"]).await;
    let next = master(&world, &store, "next", &Gates::default()).await;
    let me = Caller::owner("me");
    let new = NewProject { name: "site".to_owned(), ..NewProject::default() };
    let project = late.create_project(&me, new, None).await.unwrap().id;
    let agent = AgentRequest { image: "base".to_owned(), argv: vec!["agent".to_owned()], ..AgentRequest::default() };
    let new = NewExecution { project: Some(project), prompt: "go".to_owned(), agent, ..NewExecution::default() };
    let job = late.execute(&me, new, None).await.unwrap().job.id;
    sleep(standstill).await;
    gates.servers.close_for(LONG);
    // When it wakes up, it is some time before the store tells it what became of its lease.
    gates.store.close_for(LONG + Duration::from_mins(1));
    let done = next.wait_job(&me, job, LONG).await.unwrap();
    let done_by_next = done.driver.master == MasterId::new("next");
    // It wakes up, and has all the time it wants.
    sleep(2 * LONG).await;
    let job = next.job(&me, job).await.unwrap();
    assert_eq!(job.status, JobStatus::Succeeded, "{standstill:?}: {:?}", job.error);
    assert_eq!(world.violations(), [""; 0], "{standstill:?}");
    done_by_next
}

#[tokio::test(start_paused = true)]
async fn a_master_that_woke_up_late_starts_no_job_that_another_has_done() {
    let mut taken_over = 0;
    for millis in 0..START {
        taken_over += u64::from(job_is_run_once(Duration::from_millis(millis)).await);
    }
    assert!(taken_over > START / 2, "{taken_over}: it was to stand still in the middle of the start");
}
