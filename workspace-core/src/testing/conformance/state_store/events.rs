//! Rules of events.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;

use super::rig::Rig;
use crate::event::NewEvent;
use crate::port::{Change, StateStore, Write};

/// The events of a parent are numbered 1, 2, 3, .. and come back as they were written.
pub async fn events_of_a_parent_are_numbered_without_holes(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let (parent, other) = (rig.env.uuid(), rig.env.uuid());
    let event = |parent, kind: &str| NewEvent {
        parent,
        at: rig.env.now(),
        kind: kind.to_owned(),
        data: json!({ "kind": kind, "list": [1, -2.5, null, u64::MAX], "text": "\u{1F980}\u{0}\"" }),
    };
    let new = [event(parent, "a"), event(other, "b"), event(parent, "c"), event(parent, "d")];
    let change = Change::default().with_all(new[..3].iter().cloned().map(Write::Append));
    let outcome = rig.commit(change).await;
    let [a, b, c, d] = new;
    let expected = [a.numbered(1), b.numbered(1), c.numbered(2)];
    assert_eq!(outcome.events, expected, "the outcome has the events with their numbers, in order");
    let answers = store.commit(&[Change::default().with(Write::Append(d.clone()))]).await.expect("the store answers");
    assert!(answers[0].is_ok(), "the next event is recorded");
    let read = store.events(parent, 0, 100).await.expect("the store answers");
    assert_eq!(read, [expected[0].clone(), expected[2].clone(), d.numbered(3)], "events come back as written");
}

/// "Events after n" begins at n + 1 and ends at the limit.
pub async fn events_are_read_after_a_number(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let parent = rig.env.uuid();
    rig.commit(Change::default().with_all((0..25).map(|_| rig.event(parent)))).await;
    for (after, limit, expected) in [(0, 3, 1..=3), (7, 2, 8..=9), (24, 100, 25..=25)] {
        let read = store.events(parent, after, limit).await.expect("the store answers");
        let seqs: Vec<u64> = read.iter().map(|event| event.seq).collect();
        assert_eq!(seqs, expected.collect::<Vec<_>>(), "events after {after}, at most {limit}");
    }
    for (parent, after) in [(parent, 25), (parent, u64::MAX), (rig.env.uuid(), 0)] {
        assert!(store.events(parent, after, 10).await.expect("the store answers").is_empty(), "nothing after the last");
    }
}

/// Events of one parent that are recorded at once have no holes, and refusals between them leave none.
pub async fn concurrent_events_have_no_holes(stores: &[Arc<dyn StateStore>]) {
    let rig = Rig::new(&*stores[0]);
    let parent = rig.env.uuid();
    let tasks: Vec<_> = (0..12)
        .map(|n| {
            let store = stores[n % stores.len()].clone();
            tokio::spawn(async move {
                let rig = Rig::new(&*store);
                for _ in 0..8 {
                    let refused =
                        Write::RevokeToken { id: crate::id::TokenId::from_uuid(rig.env.uuid()), at: rig.env.now() };
                    let bad = Change::default().with(rig.event(parent)).with(refused);
                    let good = Change::default().with(rig.event(parent)).with(rig.event(parent));
                    let answers = store.commit(&[bad, good]).await.expect("the store answers");
                    assert!(answers[0].is_err() && answers[1].is_ok(), "each change is answered by itself");
                }
            })
        })
        .collect();
    for task in join_all(tasks).await {
        task.expect("no writer panics");
    }
    assert_eq!(rig.seqs(parent).await, (1..=192).collect::<Vec<_>>(), "numbers under concurrency have no holes");
}
