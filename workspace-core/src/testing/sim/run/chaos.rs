//! What goes wrong by itself: servers, programs and masters.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::testing::sim::run::masters::{End, Masters};
use crate::testing::sim::{Fault, FaultPlan, World};

/// Lets things go wrong until it is dropped.
pub(super) fn unleash(world: &Arc<World>, masters: &Arc<Masters>, plan: &FaultPlan) -> JoinSet<()> {
    let mut chaos = JoinSet::new();
    let mut every = |mean: Duration, strike: fn(&Arc<World>, &Masters)| {
        if mean.is_zero() {
            return;
        }
        let (world, masters) = (Arc::clone(world), Arc::clone(masters));
        chaos.spawn(async move {
            loop {
                sleep(world.dice.between(Duration::from_millis(1), mean * 2)).await;
                strike(&world, &masters);
            }
        });
    };
    every(plan.hang, |world, _| {
        if let Some(server) = world.dice.pick(&world.servers()) {
            world.hang(server, world.dice.between(Duration::from_secs(1), Duration::from_secs(100)));
        }
    });
    every(plan.crash, |world, _| {
        if let Some(server) = world.dice.pick(&world.servers()) {
            world.bounce(server);
        }
    });
    every(plan.disk_full, |world, _| {
        if let Some(server) = world.dice.pick(&world.servers()) {
            fill_disk(world, server);
        }
    });
    every(plan.clock_skew, |world, _| {
        if let Some(server) = world.dice.pick(&world.servers()) {
            world.skew_clock(server);
        }
    });
    every(plan.out_of_memory, |world, _| {
        if let Some((server, container)) = world.dice.pick(&world.running()) {
            world.end_for_memory(server, container);
        }
    });
    every(plan.died, |world, _| {
        let running = world.running();
        if let Some((server, container)) = world.dice.pick(&running) {
            let code = *world.dice.pick(&[0, 1, 137]).unwrap_or(&1);
            world.end_program(server, container, code);
        }
    });
    every(plan.removed, |world, _| {
        let running = world.running();
        if let Some((server, container)) = world.dice.pick(&running) {
            world.remove_behind(server, container);
        }
    });
    every(plan.killed, |world, masters| masters.end(world.dice.below(masters.count()), End::Killed));
    every(plan.shut_down, |world, masters| masters.end(world.dice.below(masters.count()), End::ShutDown));
    every(plan.paused, |world, masters| {
        world.journal.fault(Fault::Paused, None);
        let how_long = world.dice.between(Duration::from_secs(1), Duration::from_secs(200));
        masters.pause(world.dice.below(masters.count()), how_long);
    });
    every(plan.store_outage, |world, masters| {
        let how_long = world.dice.between(Duration::from_secs(1), Duration::from_secs(200));
        masters.cut_off(world.dice.below(masters.count()), how_long);
    });
    chaos
}

/// Full until somebody frees some of it.
fn fill_disk(world: &Arc<World>, server: &str) {
    world.fill_disk(server, true);
    let free = world.dice.between(Duration::from_secs(2), Duration::from_secs(90));
    let (world, server) = (Arc::clone(world), server.to_owned());
    tokio::spawn(async move {
        sleep(free).await;
        world.fill_disk(&server, false);
    });
}
