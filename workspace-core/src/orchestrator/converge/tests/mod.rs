//! Every step of every pipeline goes wrong in every way, from the list of steps itself: one that is added is tested.
//!
//! After each the workspace gets where it was wanted, can be deleted, and then nothing of it is left: no row, no
//! reservation, no container, network or volume. (After `verify_clean_slate` and its kin in Oxide's omicron.)

mod rig;
mod script;
mod ways;

use std::time::Duration;

use rig::Rig;
use script::{Act, Moment};
use ways::{Spot, spots};

use crate::error::ErrorKind;
use crate::model::{Intent, Status};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_mins(3);

/// Runs a pipeline in which one thing happens, to its end and to a clean slate.
async fn gets_there(spot: Spot, act: Act) {
    let rig = Rig::new().await;
    let id = rig.go(&spot, act).await;
    rig.reached(id, spot.way.goal(), &spot).await;
    assert!(rig.script.was_met(), "{spot:?} was never met");
    rig.clean_slate(&format!("{spot:?} {act:?}")).await;
}

#[tokio::test(start_paused = true)]
async fn every_step_may_fail_once() {
    for spot in spots() {
        gets_there(spot, Act::Fail { kind: ErrorKind::Timeout, times: 1 }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_step_may_be_run_twice() {
    for spot in spots().filter(|spot| spot.moment == Moment::Before) {
        gets_there(spot, Act::Repeat).await;
    }
}

#[tokio::test(start_paused = true)]
async fn going_up_a_step_that_cannot_succeed_ends_the_start() {
    for spot in spots().filter(|spot| spot.way.intent() == Intent::Running) {
        let rig = Rig::new().await;
        let id = rig.go(&spot, Act::Fail { kind: ErrorKind::Internal, times: u32::MAX }).await;
        let row = rig.reached(id, Status::Error, &spot).await;
        assert_eq!(row.observed.error.map(|problem| problem.code).as_deref(), Some("internal"), "{spot:?}");
        let running = rig.world.running();
        assert!(running.is_empty(), "{spot:?} was given up, and {running:?} run");
        rig.clean_slate(&format!("{spot:?}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn going_down_nothing_is_given_up() {
    let is_a_way = |spot: &Spot| matches!(spot.step, "written" | "moved");
    for spot in spots().filter(|spot| spot.way.intent() != Intent::Running && !is_a_way(spot)) {
        gets_there(spot, Act::Fail { kind: ErrorKind::Internal, times: 7 }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_workspace_may_be_deleted_at_every_step() {
    for spot in spots() {
        let rig = Rig::new().await;
        let id = rig.go(&spot, Act::Hold).await;
        rig.script.met().await;
        // Whoever is not sure asks twice.
        for _ in 0..2 {
            rig.delete(id).await;
        }
        rig.script.let_go();
        rig.reached(id, Status::Deleted, &spot).await;
        rig.clean_slate(&format!("{spot:?} deleted")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_master_may_end_at_every_step() {
    for spot in spots() {
        let mut rig = Rig::new().await;
        let id = rig.go(&spot, Act::Hold).await;
        rig.script.met().await;
        rig.end_and_start_anew().await;
        rig.reached(id, spot.way.goal(), &spot).await;
        rig.clean_slate(&format!("{spot:?} ended")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_master_may_end_at_every_step_and_the_next_be_asked_to_delete() {
    for spot in spots() {
        let mut rig = Rig::new().await;
        let id = rig.go(&spot, Act::Hold).await;
        rig.script.met().await;
        rig.end_and_start_anew().await;
        rig.delete(id).await;
        rig.reached(id, Status::Deleted, &spot).await;
        rig.clean_slate(&format!("{spot:?} ended and deleted")).await;
    }
}
