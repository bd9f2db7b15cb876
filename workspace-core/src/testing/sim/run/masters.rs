//! The masters of a run: each is started, ended and started again under its own name.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::id::MasterId;
use crate::orchestrator::{Config, Orchestrator};
use crate::port::StateStore;
use crate::secret::Secret;
use crate::testing::sim::run::watch::Watch;
use crate::testing::sim::{Fault, FaultyStore, Gate, SimPool, World};

/// A shutdown in order may take this long: the longest call, a stop with its grace, and a lease.
const LONGEST_SHUTDOWN: Duration = Duration::from_mins(3);

/// How a master ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At whatever await it is.
    Killed,
    /// In order.
    ShutDown,
    /// At a call of its own, which the world counted.
    Struck,
}

/// The masters of a run.
#[derive(Debug)]
pub(super) struct Masters {
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    ends: mpsc::UnboundedSender<End>,
    life: Arc<Mutex<Option<Life>>>,
}

/// What ends with a master.
#[derive(Debug)]
struct Life {
    orchestrator: Orchestrator,
    store: Arc<FaultyStore>,
    gate: Arc<Gate>,
    calls: JoinSet<()>,
}

impl Masters {
    /// Starts this many masters on one store.
    pub(super) fn start(world: &Arc<World>, store: &Arc<dyn StateStore>, watch: &Arc<Watch>, count: u64) -> Self {
        let slots = (0..count).map(|index| {
            let (ends, orders) = mpsc::unbounded_channel();
            let life = Arc::new(Mutex::default());
            let name = format!("master-{index}");
            let way = (Arc::clone(store), Arc::clone(watch));
            tokio::spawn(live(Arc::clone(world), way, name, Arc::clone(&life), orders));
            Slot { ends, life }
        });
        Self { slots: slots.collect() }
    }

    /// Ends a master, which comes back after a while.
    pub(super) fn end(&self, index: u64, how: End) {
        if let Some(slot) = self.slot(index) {
            // The life of a master ends with the run alone.
            let _ = slot.ends.send(how);
        }
    }

    /// Cuts a master off from the store.
    pub(super) fn cut_off(&self, index: u64, how_long: Duration) {
        if let Some(life) = self.slot(index).and_then(|slot| lock(&slot.life).as_ref().map(|life| life.store.clone())) {
            life.fail_for(how_long);
        }
    }

    /// Lets a master stand still.
    pub(super) fn pause(&self, index: u64, how_long: Duration) {
        if let Some(gate) = self.slot(index).and_then(|slot| lock(&slot.life).as_ref().map(|life| life.gate.clone())) {
            gate.close_for(how_long);
        }
    }

    /// Nobody stands still any more; what does already goes on in its time.
    pub(super) fn go_on(&self) {
        for slot in &self.slots {
            if let Some(life) = lock(&slot.life).as_ref() {
                life.gate.open();
            }
        }
    }

    /// A call by a client to one of the masters; it ends with that master. Nothing happens while it is down.
    pub(super) fn call<F>(&self, index: u64, call: impl FnOnce(Orchestrator) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(slot) = self.slot(index) else { return };
        if let Some(life) = lock(&slot.life).as_mut() {
            while life.calls.try_join_next().is_some() {}
            life.calls.spawn(call(life.orchestrator.clone()));
        }
    }

    /// A master that is up, waiting for one.
    pub(super) async fn any(&self) -> Orchestrator {
        loop {
            let up = self.slots.iter().find_map(|slot| lock(&slot.life).as_ref().map(|life| life.orchestrator.clone()));
            match up {
                Some(orchestrator) => return orchestrator,
                None => sleep(Duration::from_millis(500)).await,
            }
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.slots.len() as u64
    }

    fn slot(&self, index: u64) -> Option<&Slot> {
        self.slots.get(usize::try_from(index).ok()?)
    }
}

fn lock(life: &Mutex<Option<Life>>) -> MutexGuard<'_, Option<Life>> {
    life.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One master, life after life.
async fn live(
    world: Arc<World>,
    (store, watch): (Arc<dyn StateStore>, Arc<Watch>),
    name: String,
    slot: Arc<Mutex<Option<Life>>>,
    mut ends: mpsc::UnboundedReceiver<End>,
) {
    loop {
        let gate = Arc::new(Gate::default());
        let way = Arc::new(FaultyStore::new(&world, Arc::clone(&store)).watched(Arc::clone(&watch)).gated(&gate));
        let config = Config {
            master: MasterId::new(&name),
            storage: Some(Secret::new("{}".to_owned())),
            job_time_limit: Duration::from_mins(3),
            ..Config::default()
        };
        let builder = Orchestrator::builder(SimPool::new(&world).gated(&gate));
        let starting =
            builder.shared_store(Arc::clone(&way) as _).environment(world.master_environment()).config(config).start();
        let started = tokio::select! {
            biased;
            end = ends.recv() => end.map(|_| Err(End::Killed)),
            () = gate.fallen() => Some(Err(End::Struck)),
            started = starting => Some(Ok(started)),
        };
        let end = match started {
            None => return,
            Some(Err(end)) => Some(end),
            Some(Ok(Err(error))) => {
                world.note(&format_args!("{name} did not start: {}", error.chain()));
                sleep(Duration::from_secs(1)).await;
                continue;
            }
            Some(Ok(Ok(orchestrator))) => {
                world.note(&format_args!("{name} is up"));
                let fallen = Arc::clone(&gate);
                *lock(&slot) = Some(Life { orchestrator, store: way, gate, calls: JoinSet::new() });
                tokio::select! {
                    biased;
                    end = ends.recv() => end,
                    () = fallen.fallen() => Some(End::Struck),
                }
            }
        };
        let Some(end) = end else { return };
        finish(&world, &name, &slot, end).await;
        sleep(world.dice.between(Duration::from_millis(10), Duration::from_secs(20))).await;
        // What came in while it was down is too late.
        while ends.try_recv().is_ok() {}
    }
}

async fn finish(world: &World, name: &str, slot: &Mutex<Option<Life>>, end: End) {
    let life = lock(slot).take();
    world.note(&format_args!("{name} {end:?}"));
    match end {
        End::Killed => world.journal.fault(Fault::Killed, None),
        End::ShutDown => world.journal.fault(Fault::ShutDown, None),
        End::Struck => {}
    }
    let Some(Life { orchestrator, calls, gate, .. }) = life else { return };
    gate.end();
    drop(calls);
    if end != End::ShutDown {
        return;
    }
    let ended = tokio::select! {
        biased;
        () = gate.fallen() => Ok(()),
        ended = timeout(LONGEST_SHUTDOWN, orchestrator.shutdown()) => ended,
    };
    if ended.is_err() {
        world.violation(&format_args!("{name} was still shutting down after {} s", LONGEST_SHUTDOWN.as_secs()));
    }
}
