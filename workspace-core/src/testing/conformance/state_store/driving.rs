//! Rules of who drives a workspace.

use std::time::Duration;

use super::rig::{LONG, Rig, eventually};
use crate::model::{Desired, Fence, Intent, Status, Workspace};
use crate::port::{Change, PageRequest, Refused, StateStore, WorkspaceFilter, Write};

/// What was seen of a workspace is written by its driver and nobody else.
pub async fn only_the_driver_observes(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let rule = "only the driver observes";
    let driver = rig.lease("driver", LONG).await;
    let other = rig.lease("other", LONG).await;
    let row = rig.any_workspace(&driver).await;
    rig.refuse(rule, None, rig.observe(&row, Status::Starting), Refused::Fenced).await;
    rig.refuse(rule, Some(&other), rig.observe(&row, Status::Starting), Refused::Fenced).await;
    rig.commit(Change::by(&driver).with(rig.observe(&row, Status::Starting))).await;
    let read = rig.workspace(row.id).await;
    assert_eq!((read.observed.status, read.revision), (Status::Starting, 1), "an observation is no edit");
    let later = rig.lease("driver", LONG).await;
    rig.refuse("a later life of the driver is not the driver", Some(&later), rig.observe(&row, Status::Running), {
        Refused::Fenced
    })
    .await;
    let missing = rig.workspace_row("o", "missing", &later);
    let observe = rig.observe(&missing, Status::Running);
    rig.refuse("a missing workspace is not observed", Some(&later), observe, Refused::NotFound).await;
}

/// What was seen against an older decision is refused, so that the driver looks again.
pub async fn stale_observations_are_refused(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let row = rig.any_workspace(&fence).await;
    rig.write(rig.decide(&row)).await;
    let rule = "an observation against an older revision is stale";
    rig.refuse(rule, Some(&fence), rig.observe(&row, Status::Running), Refused::Stale { current: 2 }).await;
    let row = Workspace { revision: 2, ..row };
    rig.commit(Change::by(&fence).with(rig.observe(&row, Status::Running))).await;
}

/// Another master's work is adopted only after its lease has ended.
pub async fn adoption_waits_for_the_end_of_the_lease(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let first = rig.lease("first", LONG).await;
    let second = rig.lease("second", LONG).await;
    let row = rig.any_workspace(&first).await;
    let adopt = || Write::AdoptWorkspace(row.id);
    rig.refuse("work under a live lease is not adopted", Some(&second), adopt(), Refused::Fenced).await;
    rig.refuse("nobody adopts nothing", None, adopt(), Refused::Fenced).await;
    store.renew_lease(&first, Duration::from_millis(50)).await.expect("the store answers");
    eventually("work is adopted after the lease ran out", async || {
        rig.try_commit(Change::by(&second).with(adopt())).await.is_ok()
    })
    .await;
    let read = rig.workspace(row.id).await;
    assert_eq!((read.driver, read.revision), (second.clone(), 1), "an adoption changes the driver and nothing else");
    store.renew_lease(&first, LONG).await.expect("the store answers");
    let late = rig.observe(&row, Status::Running);
    rig.refuse("who lost its work does not observe it", Some(&first), late, Refused::Fenced).await;
    let missing = Write::AdoptWorkspace(rig.workspace_row("o", "missing", &first).id);
    rig.refuse("a missing workspace is not adopted", Some(&second), missing, Refused::NotFound).await;
}

/// A master adopts what an earlier life of its own drove, and what nobody's lease stands behind.
pub async fn adoption_from_an_own_earlier_life(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let first = rig.lease("m", LONG).await;
    let row = rig.any_workspace(&first).await;
    rig.commit(Change::by(&first).with(Write::AdoptWorkspace(row.id))).await;
    let second = rig.lease("m", LONG).await;
    let adopt = Write::AdoptWorkspace(row.id);
    rig.refuse("an earlier life adopts nothing", Some(&first), adopt.clone(), Refused::Fenced).await;
    rig.commit(Change::by(&second).with(adopt)).await;
    assert_eq!(rig.workspace(row.id).await.driver, second, "a later life of a master adopts its work");
    let nobody = Fence { master: crate::id::MasterId::new("never seen"), epoch: 3 };
    let row = rig.any_workspace(&nobody).await;
    rig.commit(Change::by(&second).with(Write::AdoptWorkspace(row.id))).await;
    let earlier = Fence { epoch: second.epoch - 1, ..second.clone() };
    let row = rig.any_workspace(&earlier).await;
    let other = rig.lease("other", LONG).await;
    rig.commit(Change::by(&other).with(Write::AdoptWorkspace(row.id))).await;
}

/// A decision takes the work over when it rests or its driver's lease has ended, and leaves it otherwise.
pub async fn decisions_take_over_what_rests(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let other = rig.lease("other", LONG).await;
    let me = rig.lease("me", LONG).await;
    let dead = rig.dead_lease("dead").await;
    let decide = async |driver: &Fence, status: Status, taker: Option<&Fence>| {
        let mut row = rig.workspace_row("o", &rig.name(), driver);
        row.observed.status = status;
        rig.insert(&row).await;
        let desired = Box::new(Desired { intent: Intent::Deleted, ..row.desired.clone() });
        let (status, at) = (Some(Status::Deleting), rig.env.now());
        let driver = taker.cloned();
        rig.write(Write::DecideWorkspace { id: row.id, expected: 1, desired, status, driver, at }).await;
        rig.workspace(row.id).await.driver
    };
    for status in Status::ALL.into_iter().filter(|&status| status != Status::Deleted) {
        let driver = if status.is_settled() { &me } else { &other };
        let rule = "a decision takes over what rests and leaves what is driven";
        assert_eq!(&decide(&other, status, Some(&me)).await, driver, "{rule}: {status:?}");
        let rule = "a decision takes over what nobody drives";
        assert_eq!(decide(&dead, status, Some(&me)).await, me, "{rule}: {status:?}");
        let rule = "a decision that takes nothing over leaves the driver";
        assert_eq!(decide(&dead, status, None).await, dead, "{rule}: {status:?}");
    }
}

/// A master is shown what is not settled and is its own or nobody's.
pub async fn unsettled_work_finds_its_master(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let before = rig.lease("me", LONG).await;
    let other = rig.lease("other", LONG).await;
    let me = rig.lease("me", LONG).await;
    let dead = rig.dead_lease("dead").await;
    let mut expected = Vec::new();
    for driver in [&before, &me, &dead, &other] {
        for (status, intent, settled) in [
            (Status::Pending, Intent::Running, false),
            (Status::Running, Intent::Running, true),
            (Status::Running, Intent::Stopped, false),
            (Status::Stopped, Intent::Stopped, true),
            (Status::Error, Intent::Stopped, true),
            (Status::Error, Intent::Deleted, false),
            (Status::Lost, Intent::Running, true),
            (Status::Deleted, Intent::Deleted, true),
        ] {
            let mut row = rig.workspace_row("o", &rig.name(), driver);
            (row.observed.status, row.desired.intent) = (status, intent);
            row.observed.generation = row.desired.generation;
            assert_eq!(row.is_settled(), settled, "the rule knows what is settled: {status:?} {intent:?}");
            rig.insert(&row).await;
            if !settled && driver != &other {
                expected.push(row.id);
            }
        }
    }
    expected.sort_unstable();
    let mut shown = store.unsettled_workspaces(&me).await.expect("the store answers");
    shown.sort_unstable();
    assert_eq!(shown, expected, "a master is shown its own and nobody's unsettled work");
    let filter = WorkspaceFilter { status: Some(Status::Pending), ..WorkspaceFilter::default() };
    let pending = store.workspaces(&filter, PageRequest::default()).await.expect("the store answers").items;
    let row = pending.into_iter().find(|row| row.driver == dead).expect("a pending one that nobody drives");
    let adopt = Write::AdoptWorkspace(row.id);
    let mut settled = rig.observe(&row, Status::Running);
    if let Write::ObserveWorkspace { observed, .. } = &mut settled {
        observed.generation = row.desired.generation;
    }
    rig.commit(Change::by(&me).with(adopt).with(settled)).await;
    let shown = store.unsettled_workspaces(&me).await.expect("the store answers");
    assert!(!shown.contains(&row.id) && shown.len() == expected.len() - 1, "what settles is shown no more");
    store.release_lease(&other).await.expect("the store answers");
    let shown = store.unsettled_workspaces(&me).await.expect("the store answers");
    assert_eq!(shown.len(), expected.len() - 1 + 3, "the work of a master that left is shown");
}
