//! How much time we add to what Docker takes: `make bench-overhead`.
//!
//! 1. Creates workspaces one after the other, each to its first exec, and subtracts from the wall clock the time
//!    inside calls to the Engine, and the time that the Engine takes to start the worker after it answered the call.
//! 2. Runs `true` through an open channel and, in turn with it, through a `docker exec` of its own.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::json;
use workspace_benches::fleet::{broken, servers};
use workspace_benches::quantile::quantile_ms;
use workspace_fleet::docker::{Call, CallObserver, CallRecord, DockerPool, WorkerImage};
use workspace_fleet::error::Result;
use workspace_fleet::model::{ServerState, Status, Workspace};
use workspace_fleet::port::{Channel, ExecEvent, ServerPool};
use workspace_fleet::sql::{SecretKey, SqliteStore};
use workspace_fleet::{Caller, Config, ExecRequest, NewWorkspace, Orchestrator, Registration};

/// Every call to an Engine, in the order of their ends.
#[derive(Debug, Default)]
struct Calls(Mutex<Vec<CallRecord>>);

impl CallObserver for Calls {
    fn observe(&self, record: &CallRecord) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(*record);
    }
}

impl Calls {
    fn take(&self) -> Vec<CallRecord> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One create to its first exec.
#[derive(Debug)]
struct Sample {
    wall: Duration,
    /// Inside calls to the Engine.
    docker: Duration,
    /// From the Engine's answer to the worker's first word.
    worker: Duration,
    /// The calls until it ran.
    calls: Vec<Call>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let calls = Arc::new(Calls::default());
    let worker = std::env::var("WORKER_IMAGE").map_err(|_| broken("WORKER_IMAGE is not set"))?;
    let pool = DockerPool::builder().worker_image(WorkerImage::read(worker)?).observer(Arc::clone(&calls) as _).build();
    let data = tempfile::tempdir().map_err(|error| broken("no temporary directory").source(error))?;
    let store = SqliteStore::open(data.path().join("fleet.db"), SecretKey::generate()).await?;
    let rarely = Duration::from_hours(1);
    let config = Config { probe_interval: rarely, reconcile_interval: rarely, ..Config::default() };
    let fleet = Orchestrator::builder(pool).store(store).config(config).start().await?;
    let spec = servers()?.into_iter().next().ok_or_else(|| broken("no server"))?;
    let server = fleet.register_server(&Caller::admin(), spec, Registration::MustAnswer, None).await?;

    let mut samples = Vec::new();
    for round in 0..=count("ROUNDS", 100) {
        let (sample, row) = create(&fleet, &calls, round).await?;
        gone(&fleet, &row).await?;
        // The first one may wait for the worker image to be loaded.
        if round > 0 {
            samples.push(sample);
        }
    }
    let (channel, docker) = exec_both(&fleet, &server, count("EXECS", 200)).await?;
    fleet.shutdown().await;
    report(&samples, &channel, &docker);
    Ok(())
}

fn count(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn sleeper(name: String) -> NewWorkspace {
    let mut new = NewWorkspace::new(name, "workspace-base");
    new.spec.command = vec!["sleep".to_owned(), "infinity".to_owned()];
    new.spec.resources.cpu_millis = 500;
    new.spec.resources.memory_mib = 256;
    new
}

async fn create(fleet: &Orchestrator, calls: &Calls, round: usize) -> Result<(Sample, Workspace)> {
    let me = Caller::owner("bench");
    calls.take();
    let begun = Instant::now();
    let row = fleet.create_workspace(&me, sleeper(format!("bench-{round}")), None).await?;
    let row = fleet.wait(&me, row.id, Duration::from_mins(1)).await?;
    if row.observed.status != Status::Running {
        return Err(broken(format!("the workspace is {:?}: {:?}", row.observed.status, row.observed.error)));
    }
    let making = calls.take();
    let first = exec_time(fleet, &row).await?;
    let wall = begun.elapsed();
    let opening: Duration = calls.take().iter().map(|record| record.duration).sum();
    let again = exec_time(fleet, &row).await?;
    let docker = making.iter().map(|record| record.duration).sum::<Duration>() + opening;
    let worker = first.saturating_sub(opening).saturating_sub(again);
    Ok((Sample { wall, docker, worker, calls: making.iter().map(|record| record.call).collect() }, row))
}

async fn exec_time(fleet: &Orchestrator, row: &Workspace) -> Result<Duration> {
    let begun = Instant::now();
    fleet.exec(&Caller::owner("bench"), row.id, ExecRequest::new(["true"])).await?;
    Ok(begun.elapsed())
}

async fn gone(fleet: &Orchestrator, row: &Workspace) -> Result<()> {
    let me = Caller::owner("bench");
    fleet.delete_workspace(&me, row.id, None).await?;
    fleet.wait(&me, row.id, Duration::from_mins(1)).await.map(drop)
}

/// `true` through the open channel and through a `docker exec` of its own, in turns.
async fn exec_both(
    fleet: &Orchestrator,
    server: &ServerState,
    rounds: usize,
) -> Result<(Vec<Duration>, Vec<Duration>)> {
    let me = Caller::owner("bench");
    let row = fleet.create_workspace(&me, sleeper("bench-exec".to_owned()), None).await?;
    let row = fleet.wait(&me, row.id, Duration::from_mins(1)).await?;
    exec_time(fleet, &row).await?;
    let plain = DockerPool::new().connect(&server.record, fleet.fleet(&Caller::admin()).await?.fleet).await?;
    let plain = plain.open_channel(&row.container_name(row.observed.generation)).await?;
    let (mut channel, mut docker) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        channel.push(exec_time(fleet, &row).await?);
        docker.push(plain_exec_time(plain.as_ref()).await?);
    }
    gone(fleet, &row).await?;
    Ok((channel, docker))
}

async fn plain_exec_time(channel: &dyn Channel) -> Result<Duration> {
    let begun = Instant::now();
    let mut events = channel.exec(ExecRequest::new(["true"])).await?;
    while let Some(event) = events.next().await {
        if let ExecEvent::Ended { .. } = event? {
            break;
        }
    }
    Ok(begun.elapsed())
}

fn report(samples: &[Sample], channel: &[Duration], docker: &[Duration]) {
    let mut calls = BTreeMap::new();
    for call in samples.first().map(|sample| sample.calls.as_slice()).unwrap_or_default() {
        *calls.entry(call.to_string()).or_insert(0) += 1;
    }
    println!("calls of one create until it runs:");
    for (call, times) in &calls {
        println!("  {times} x {call}");
    }
    let overhead = |sample: &Sample| sample.wall.saturating_sub(sample.docker).saturating_sub(sample.worker);
    let column = |part: &dyn Fn(&Sample) -> Duration| samples.iter().map(part).collect::<Vec<_>>();
    println!("\n{:<46}{:>9}{:>9}", "ms", "p50", "p90");
    let rows = [
        ("create to first exec, wall", column(&|sample| sample.wall)),
        ("  inside Docker calls", column(&|sample| sample.docker)),
        ("  Docker starts the worker", column(&|sample| sample.worker)),
        ("  ours", column(&overhead)),
        ("exec through the open channel", channel.to_vec()),
        ("docker exec each", docker.to_vec()),
    ];
    for (name, times) in &rows {
        println!("{name:<46}{:>9.2}{:>9.2}", quantile_ms(times, 0.5), quantile_ms(times, 0.9));
    }
    let most = samples.iter().map(|sample| sample.calls.len()).max().unwrap_or(0);
    let line = json!({
        "overhead_p50_ms": quantile_ms(&rows[3].1, 0.5),
        "docker_calls_per_create": most,
        "exec_channel_p50_ms": quantile_ms(channel, 0.5),
        "exec_docker_p50_ms": quantile_ms(docker, 0.5),
    });
    println!("\n{line}");
}
