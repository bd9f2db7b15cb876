//! What goes wrong by itself: servers, programs and masters.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::testing::sim::run::masters::{End, Masters};
use crate::testing::sim::{Fault, FaultPlan, World};

/// In seconds: what runs on a server that is away for so long counts as lost, and is made anew elsewhere.
const LONGEST_HANG: u64 = 400;

type Strike = fn(&Arc<World>, &Masters);

/// Lets things go wrong until it is dropped.
pub(super) fn unleash(world: &Arc<World>, masters: &Arc<Masters>, plan: &FaultPlan) -> JoinSet<()> {
    let strikes: [(Duration, Strike); 12] = [
        (plan.hang, hang),
        (plan.crash, crash),
        (plan.disk_full, fill_disk),
        (plan.clock_skew, skew_clock),
        (plan.out_of_memory, end_for_memory),
        (plan.died, end_program),
        (plan.removed, remove_behind),
        (plan.killed, |world, masters| masters.end(world.dice.below(masters.count()), End::Killed)),
        (plan.shut_down, |world, masters| masters.end(world.dice.below(masters.count()), End::ShutDown)),
        (plan.paused, pause),
        (plan.store_outage, cut_off),
        (plan.stray, leave_stray),
    ];
    let mut chaos = JoinSet::new();
    for (mean, strike) in strikes.into_iter().filter(|(mean, _)| !mean.is_zero()) {
        let (world, masters) = (Arc::clone(world), Arc::clone(masters));
        chaos.spawn(async move {
            loop {
                sleep(world.dice.between(Duration::from_millis(1), mean * 2)).await;
                strike(&world, &masters);
            }
        });
    }
    chaos
}

fn any_server(world: &World) -> Option<String> {
    world.dice.pick(&world.servers()).cloned()
}

fn any_program(world: &World) -> Option<(String, String)> {
    world.dice.pick(&world.running()).cloned()
}

fn hang(world: &Arc<World>, _: &Masters) {
    if let Some(server) = any_server(world) {
        // Some for so long that what runs there counts as lost.
        let longest = if world.dice.chance(200) { LONGEST_HANG } else { 100 };
        world.hang(&server, world.dice.between(Duration::from_secs(1), Duration::from_secs(longest)));
    }
}

fn crash(world: &Arc<World>, _: &Masters) {
    if let Some(server) = any_server(world) {
        world.bounce(&server);
    }
}

/// Full until somebody frees some of it.
fn fill_disk(world: &Arc<World>, _: &Masters) {
    let Some(server) = any_server(world) else { return };
    world.fill_disk(&server, true);
    let free = world.dice.between(Duration::from_secs(2), Duration::from_secs(90));
    let world = Arc::clone(world);
    tokio::spawn(async move {
        sleep(free).await;
        world.fill_disk(&server, false);
    });
}

fn skew_clock(world: &Arc<World>, _: &Masters) {
    if let Some(server) = any_server(world) {
        world.skew_clock(&server);
    }
}

fn end_for_memory(world: &Arc<World>, _: &Masters) {
    if let Some((server, container)) = any_program(world) {
        world.end_for_memory(&server, &container);
    }
}

fn end_program(world: &Arc<World>, _: &Masters) {
    if let Some((server, container)) = any_program(world) {
        let code = *world.dice.pick(&[0, 1, 137]).unwrap_or(&1);
        world.end_program(&server, &container, code);
    }
}

fn remove_behind(world: &Arc<World>, _: &Masters) {
    if let Some((server, container)) = any_program(world) {
        world.remove_behind(&server, &container);
    }
}

fn leave_stray(world: &Arc<World>, _: &Masters) {
    if let Some(server) = any_server(world) {
        world.leave_stray(&server);
    }
}

fn pause(world: &Arc<World>, masters: &Masters) {
    world.journal.fault(Fault::Paused, None);
    let how_long = world.dice.between(Duration::from_secs(1), Duration::from_secs(200));
    masters.pause(world.dice.below(masters.count()), how_long);
}

fn cut_off(world: &Arc<World>, masters: &Masters) {
    let how_long = world.dice.between(Duration::from_secs(1), Duration::from_secs(200));
    masters.cut_off(world.dice.below(masters.count()), how_long);
}
