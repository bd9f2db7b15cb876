//! Many waiting callers, each with one change after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use workspace_fleet::environment::Environment;
use workspace_fleet::error::Result;
use workspace_fleet::id::ServerId;
use workspace_fleet::model::Fence;
use workspace_fleet::port::{Refused, StateStore};

use super::change::Shape;
use crate::fleet::broken;

/// Where callers commit.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// All to one store, which commits together what waits.
    Together(Arc<dyn StateStore>),
    /// Each lane one commit at a time.
    OneByOne(Arc<Vec<Mutex<Arc<dyn StateStore>>>>),
}

/// What is asked of a way.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) shape: Shape,
    pub(super) fence: Fence,
    pub(super) servers: Arc<Vec<ServerId>>,
    /// Callers at once.
    pub(super) waiting: usize,
    /// Changes in all, unless the time is up before.
    pub(super) changes: usize,
    pub(super) limit: Duration,
}

/// What became of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Driven {
    pub(super) granted: usize,
    pub(super) refused: usize,
    pub(super) wall: Duration,
    pub(super) times: Vec<Duration>,
}

/// Commits until the changes are used up.
pub(super) async fn drive(way: &Way, load: &Load) -> Result<Driven> {
    let (next, start) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let tasks: Vec<_> =
        (0..load.waiting).map(|_| tokio::spawn(caller(way.clone(), load.clone(), Arc::clone(&next), start))).collect();
    let mut all = Driven::default();
    for task in tasks {
        let one = task.await.map_err(|error| broken("a caller ended").source(error))??;
        all.granted += one.granted;
        all.refused += one.refused;
        all.times.extend(one.times);
    }
    all.wall = start.elapsed();
    Ok(all)
}

async fn caller(way: Way, load: Load, next: Arc<AtomicUsize>, start: Instant) -> Result<Driven> {
    let (env, mut done) = (Environment::system(), Driven::default());
    while start.elapsed() < load.limit {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= load.changes {
            break;
        }
        let change = [load.shape.change(&env, &load.fence, load.servers[number % load.servers.len()])];
        let asked = Instant::now();
        let mut answers = match &way {
            Way::Together(store) => store.commit(&change).await?,
            Way::OneByOne(lanes) => lanes[number % lanes.len()].lock().await.commit(&change).await?,
        };
        done.times.push(asked.elapsed());
        match answers.pop() {
            Some(Ok(_)) => done.granted += 1,
            Some(Err(Refused::Capacity { .. })) => done.refused += 1,
            other => return Err(broken(format!("a claim was answered {other:?}"))),
        }
    }
    Ok(done)
}
