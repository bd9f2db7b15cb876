//! Rules of what is forgotten.

use uuid::Uuid;

use super::rig::{Rig, claim, release, slots};
use crate::clock::Timestamp;
use crate::event::NewEvent;
use crate::id::{OwnerId, ProjectId};
use crate::model::IdempotencyRecord;
use crate::port::{Change, Horizon, Refused, StateStore, Write};

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

async fn append(rig: &Rig<'_>, parent: Uuid, times: &[i64]) {
    let event = |&micros: &i64| {
        let (kind, data) = ("test.event".to_owned(), serde_json::json!({}));
        Write::Append(NewEvent { parent, at: at(micros), kind, data })
    };
    rig.commit(Change::default().with_all(times.iter().map(event))).await;
}

/// Old events go from the first on; the last of a parent and those of sessions stay; the next number is the next.
pub async fn old_events_go_but_the_last(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let (mixed, old, new) = (rig.env.uuid(), rig.env.uuid(), rig.env.uuid());
    let session = rig.session_row("o", ProjectId::from_uuid(rig.env.uuid()));
    rig.write(Write::InsertSession(session.clone())).await;
    append(&rig, mixed, &[1, 2, 9, 3, 9]).await;
    append(&rig, old, &[1, 2, 3]).await;
    append(&rig, new, &[5, 1, 9]).await;
    append(&rig, session.id.as_uuid(), &[1, 2, 3]).await;
    rig.write(Write::Prune(Horizon::NOTHING)).await;
    assert_eq!(rig.seqs(mixed).await, [1, 2, 3, 4, 5], "nothing is forgotten before its time");
    for _ in 0..2 {
        rig.write(Write::Prune(Horizon { events: at(5), ..Horizon::NOTHING })).await;
        assert_eq!(rig.seqs(mixed).await, [3, 4, 5], "what stays has no holes, even where clocks differed");
        assert_eq!(rig.seqs(old).await, [3], "the last event of a parent stays");
        assert_eq!(rig.seqs(new).await, [1, 2, 3], "an event of the horizon is not before it");
        assert_eq!(rig.seqs(session.id.as_uuid()).await, [1, 2, 3], "a session keeps its events");
    }
    append(&rig, old, &[4, 4]).await;
    assert_eq!(rig.seqs(old).await, [3, 4, 5], "numbers go on");
    let read = store.events(mixed, 3, 1).await.expect("the store answers");
    assert_eq!(read.iter().map(|event| event.seq).collect::<Vec<_>>(), [4], "events are read after a number");
}

/// Old answers are forgotten, and their keys are free.
pub async fn old_answers_are_forgotten(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let answer = |key: &str, micros| {
        let (request_hash, resource) = (rig.env.bytes(), rig.env.uuid());
        IdempotencyRecord { owner: OwnerId::new("o"), key: key.to_owned(), request_hash, resource, at: at(micros) }
    };
    let (old, new) = (answer("old", 4), answer("new", 5));
    rig.write(Write::Remember(old)).await;
    rig.write(Write::Remember(new.clone())).await;
    rig.write(Write::Prune(Horizon { answers: at(5), ..Horizon::NOTHING })).await;
    rig.write(Write::Remember(answer("old", 9))).await;
    let rule = "what is not old is remembered";
    rig.refuse(rule, None, Write::Remember(answer("new", 9)), Refused::Remembered(new)).await;
}

/// Released reservations go when their release is so many changes of their server's ledger ago; live ones never do.
pub async fn old_reservations_go(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let (server, other) = (rig.server(slots(9)).await.id, rig.server(slots(9)).await.id);
    let [first, second, third] = [rig.env.uuid(), rig.env.uuid(), rig.env.uuid()];
    for (holder, server) in [(first, server), (second, server), (third, other)] {
        rig.write(claim(server, holder, slots(1))).await;
    }
    for write in [release(second), claim(server, second, slots(2)), release(third)] {
        rig.write(write).await;
    }
    let history = async |server| {
        let rows = store.reservations(server, true).await.expect("the store answers");
        rows.iter().map(|row| (row.claimed_seq, row.released_seq)).collect::<Vec<_>>()
    };
    rig.write(Write::Prune(Horizon { ledger_changes: 2, ..Horizon::NOTHING })).await;
    assert_eq!(history(server).await, [(1, None), (2, Some(3)), (4, None)], "one change ago is not two");
    rig.write(Write::Prune(Horizon { ledger_changes: 1, ..Horizon::NOTHING })).await;
    assert_eq!(history(server).await, [(1, None), (4, None)], "live reservations stay");
    assert_eq!(history(other).await, [(1, Some(2))], "each server has a ledger of its own");
    assert_eq!(rig.reserved(server).await, slots(3), "what is held is what it was");
    rig.commit(Change::default().with(release(second)).with(release(first))).await;
    assert_eq!(rig.reserved(server).await, slots(0), "what stayed is given back");
    rig.write(claim(server, third, slots(1))).await;
    assert_eq!(history(server).await, [(1, Some(6)), (4, Some(5)), (7, None)], "numbers go on");
}
