//! Rules of remembered answers.

use std::sync::Arc;

use futures::future::join_all;

use super::rig::Rig;
use crate::id::OwnerId;
use crate::model::IdempotencyRecord;
use crate::port::{Change, Refused, StateStore, Write};

fn record(rig: &Rig<'_>, owner: &str, key: &str) -> IdempotencyRecord {
    IdempotencyRecord {
        owner: OwnerId::new(owner),
        key: key.to_owned(),
        request_hash: rig.env.bytes(),
        resource: rig.env.uuid(),
        at: rig.env.now(),
    }
}

/// A key is remembered once per owner; a second request learns what the first made.
pub async fn keys_are_remembered_once(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let first = record(&rig, "anna", "key");
    rig.write(Write::Remember(first.clone())).await;
    let rule = "a known key is refused with what it made";
    let second = Write::Remember(record(&rig, "anna", "key"));
    rig.refuse(rule, None, second, Refused::Remembered(first.clone())).await;
    let again = Write::Remember(first.clone());
    rig.refuse("also when the request is the same", None, again, Refused::Remembered(first.clone())).await;
    for (owner, key) in [("bert", "key"), ("anna", "Key"), ("anna", &"k".repeat(255))] {
        rig.write(Write::Remember(record(&rig, owner, key))).await;
    }
    let owner = OwnerId::new("anna");
    let known = store.remembered(&owner, "key").await.expect("the store answers");
    assert_eq!(known, Some(first), "a remembered answer comes back");
    assert_eq!(store.remembered(&owner, "other").await.expect("the store answers"), None, "an unknown key is unknown");
}

/// Of requests with one key at once, one is carried out.
pub async fn concurrent_requests_are_remembered_once(stores: &[Arc<dyn StateStore>]) {
    let rigs: Vec<_> = stores.iter().map(|store| Rig::new(&**store)).collect();
    let parent = rigs[0].env.uuid();
    let requests = (0..20).map(|n| {
        let rig = &rigs[n % rigs.len()];
        rig.try_commit(Change::default().with(rig.event(parent)).with(Write::Remember(record(rig, "o", "key"))))
    });
    let answers = join_all(requests).await;
    let carried_out = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(carried_out, 1, "one of twenty requests with one key is carried out");
    let known = stores[0].remembered(&OwnerId::new("o"), "key").await.expect("the store answers").expect("it is known");
    for refused in answers.into_iter().filter_map(Result::err) {
        assert_eq!(refused, Refused::Remembered(known.clone()), "the others learn what it made");
    }
    assert_eq!(rigs[0].seqs(parent).await, [1], "the others wrote nothing");
}
