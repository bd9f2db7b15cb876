//! Rules of leases.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::rig::{LONG, Rig, eventually};
use crate::id::MasterId;
use crate::model::Fence;
use crate::port::{Change, Refused, StateStore};

/// Each life of a master has the next epoch, and ends the one before it at once.
pub async fn epochs_grow_and_fence(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let first = rig.lease("m", LONG).await;
    let other = rig.lease("other", LONG).await;
    assert_eq!((first.epoch, other.epoch), (1, 1), "a master's first life has epoch 1");
    let parent = rig.env.uuid();
    rig.commit(Change::by(&first).with(rig.event(parent))).await;
    let second = rig.lease("m", LONG).await;
    assert_eq!(second.epoch, 2, "a master's next life has the next epoch");
    rig.refuse("an earlier epoch is fenced", Some(&first), rig.event(parent), Refused::Fenced).await;
    let later = Fence { epoch: 3, ..second.clone() };
    rig.refuse("an epoch that was never given is fenced", Some(&later), rig.event(parent), Refused::Fenced).await;
    let unknown = Fence { master: MasterId::new("unknown"), epoch: 1 };
    rig.refuse("a master without a lease is fenced", Some(&unknown), rig.event(parent), Refused::Fenced).await;
    rig.refuse("an empty change of an earlier epoch is fenced", Some(&first), rig.event(parent), Refused::Fenced).await;
    assert_eq!(rig.try_commit(Change::by(&first)).await, Err(Refused::Fenced), "an empty change is fenced too");
    assert_eq!(
        store.renew_lease(&first, LONG).await.expect("the store answers"),
        None,
        "an earlier life is not prolonged"
    );
    rig.commit(Change::by(&second).with(rig.event(parent))).await;
    rig.commit(Change::by(&other).with(rig.event(parent))).await;
    assert_eq!(rig.seqs(parent).await, [1, 2, 3], "what was fenced was not written");
}

/// A lease runs out by the store's clock, and tells what is left of it.
pub async fn expiry_is_by_the_stores_clock(store: &dyn StateStore) {
    let master = MasterId::new("m");
    let lease = store.acquire_lease(&master, Duration::from_secs(30)).await.expect("the store answers");
    let left = lease.until.since(lease.store_now);
    assert_eq!(left, Duration::from_secs(30), "a new lease has all of its time left");
    let renewed = store.renew_lease(&lease.fence, LONG).await.expect("the store answers").expect("it is current");
    assert_eq!(renewed.fence, lease.fence, "a prolonged lease keeps its epoch");
    assert_eq!(renewed.until.since(renewed.store_now), LONG, "a prolonged lease has all of its time left");
    assert!(renewed.store_now >= lease.store_now, "the store's clock does not go back");
    let rig = Rig::new(store);
    let row = rig.any_workspace(&lease.fence).await;
    let me = rig.lease("me", LONG).await;
    store.renew_lease(&lease.fence, Duration::from_millis(40)).await.expect("the store answers");
    eventually("a lease runs out", async || {
        store.unsettled_workspaces(&me).await.expect("the store answers").contains(&row.id)
    })
    .await;
    let parent = rig.env.uuid();
    rig.commit(Change::by(&lease.fence).with(rig.event(parent))).await;
    let renewed = store.renew_lease(&lease.fence, LONG).await.expect("the store answers");
    assert!(renewed.is_some(), "a life that ran out and was not followed is prolonged");
    let shown = store.unsettled_workspaces(&me).await.expect("the store answers");
    assert!(shown.is_empty(), "a prolonged lease stands behind its work again");
}

/// A lease that was given back has ended: others take over at once, and its late writes are refused.
pub async fn released_leases_end_at_once(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    store.release_lease(&fence).await.expect("the store answers");
    store.release_lease(&fence).await.expect("an ended lease is ended already");
    rig.refuse("a late write of a released lease is fenced", Some(&fence), rig.event(rig.env.uuid()), {
        Refused::Fenced
    })
    .await;
    assert_eq!(store.renew_lease(&fence, LONG).await.expect("the store answers"), None, "it is not prolonged");
    let next = rig.lease("m", LONG).await;
    assert_eq!(next.epoch, fence.epoch + 1, "epochs grow over a release");
    store.release_lease(&fence).await.expect("the store answers");
    rig.commit(Change::by(&next).with(rig.event(rig.env.uuid()))).await;
}

/// A lease names the masters whose leases run: not those that gave theirs back, nor those whose time is up.
pub async fn leases_name_the_live_masters(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let names = |masters: &[MasterId]| masters.iter().map(|master| master.as_str().to_owned()).collect::<Vec<_>>();
    let me = store.acquire_lease(&MasterId::new("m"), LONG).await.expect("the store answers");
    assert_eq!(names(&me.masters), ["m"], "a master that is alone");
    rig.dead_lease("late").await;
    let upper = rig.lease("Z", LONG).await;
    let last = store.acquire_lease(&MasterId::new("z"), LONG).await.expect("the store answers");
    assert_eq!(names(&last.masters), ["Z", "m", "z"], "a new lease names all in the order of their bytes");
    store.release_lease(&upper).await.expect("the store answers");
    let renewed = store.renew_lease(&me.fence, LONG).await.expect("the store answers").expect("it is current");
    assert_eq!(names(&renewed.masters), ["m", "z"], "a lease that was given back does not run");
}

/// Lives of one master that begin at once have distinct epochs, and the last of them is current.
pub async fn concurrent_lives_get_distinct_epochs(stores: &[Arc<dyn StateStore>]) {
    let rigs: Vec<_> = stores.iter().map(|store| Rig::new(&**store)).collect();
    let lives = join_all((0..10).map(|n| rigs[n % rigs.len()].lease("m", LONG))).await;
    let epochs: BTreeSet<u64> = lives.iter().map(|fence| fence.epoch).collect();
    assert_eq!(epochs, (1..=10).collect(), "each life has an epoch of its own");
    let parent = rigs[0].env.uuid();
    for fence in &lives {
        let answer = rigs[0].try_commit(Change::by(fence).with(rigs[0].event(parent))).await;
        assert_eq!(answer.is_ok(), fence.epoch == 10, "only the last life writes: {fence:?}");
    }
}
