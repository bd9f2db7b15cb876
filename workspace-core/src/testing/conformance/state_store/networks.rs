//! Rules of network numbers.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;

use super::rig::{LONG, Rig, slots};
use crate::id::{ServerId, WorkspaceId};
use crate::model::Workspace;
use crate::port::{Change, Refused, StateStore, Write};

fn allot(server: ServerId, row: &Workspace) -> Write {
    Write::AllotNetwork { server, workspace: row.id, from: 0 }
}

/// A workspace gets the lowest free number of its server and keeps it until it gives it back.
pub async fn network_numbers_are_unique_and_reused(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let (server, other) = (rig.server(slots(9)).await.id, rig.server(slots(9)).await.id);
    let mut rows = Vec::new();
    for expected in 0..4 {
        let row = rig.any_workspace(&fence).await;
        let given = rig.write(allot(server, &row)).await.network_slot;
        assert_eq!(given, Some(expected), "the lowest free number is given");
        let read = rig.workspace(row.id).await;
        assert_eq!(read.desired.network_slot, Some(expected), "the row knows its number");
        assert_eq!(read.revision, 1, "an allotment is no edit");
        rows.push(row);
    }
    assert_eq!(rig.write(allot(server, &rows[2])).await.network_slot, Some(2), "who has a number keeps it");
    rig.commit(Change::default().with(Write::FreeNetwork(rows[1].id)).with(Write::FreeNetwork(rows[1].id))).await;
    assert_eq!(rig.workspace(rows[1].id).await.desired.network_slot, None, "who gave it back has none");
    rig.write(Write::FreeNetwork(WorkspaceId::from_uuid(rig.env.uuid()))).await;
    rig.write(Write::FreeNetwork(rows[0].id)).await;
    let late = rig.any_workspace(&fence).await;
    assert_eq!(rig.write(allot(server, &late)).await.network_slot, Some(0), "the lowest free number is given again");
    assert_eq!(rig.write(allot(server, &rows[0])).await.network_slot, Some(1), "then the next");
    assert_eq!(rig.write(allot(other, &rows[1])).await.network_slot, Some(0), "each server has numbers of its own");
    let missing = rig.workspace_row("o", "missing", &fence);
    rig.refuse("a missing workspace gets no number", None, allot(server, &missing), Refused::NotFound).await;
    let nowhere = ServerId::from_uuid(rig.env.uuid());
    rig.refuse("a missing server has no numbers", None, allot(nowhere, &late), Refused::NotFound).await;
}

/// The search begins where it was asked to, and goes round.
pub async fn network_numbers_begin_where_asked(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let server = rig.server(slots(9)).await.id;
    for (from, expected) in [(7, 7), (7, 8), (4_095, 4_095), (4_095, 0), (9_999, 1), (0, 2)] {
        let row = rig.any_workspace(&fence).await;
        let given = rig.write(Write::AllotNetwork { server, workspace: row.id, from }).await.network_slot;
        assert_eq!(given, Some(expected), "the first free number from {from} on");
    }
}

/// A number on another server is given back, a decision leaves the number alone, and a tombstone gives it back.
pub async fn network_numbers_follow_their_server(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let (server, other) = (rig.server(slots(9)).await.id, rig.server(slots(9)).await.id);
    let (first, second) = (rig.any_workspace(&fence).await, rig.any_workspace(&fence).await);
    rig.commit(Change::default().with(allot(server, &first)).with(allot(server, &second))).await;
    let mut decided = second.clone();
    decided.desired.network_slot = Some(77);
    rig.write(rig.decide(&decided)).await;
    assert_eq!(rig.workspace(second.id).await.desired.network_slot, Some(1), "a decision leaves the number alone");
    rig.write(allot(other, &first)).await;
    assert_eq!(rig.workspace(first.id).await.desired.network_slot, Some(0), "a number on the other server");
    let third = rig.any_workspace(&fence).await;
    assert_eq!(rig.write(allot(server, &third)).await.network_slot, Some(0), "the number on the first is free");
    rig.bury(&third).await;
    let fourth = rig.any_workspace(&fence).await;
    assert_eq!(rig.write(allot(server, &fourth)).await.network_slot, Some(2), "a tombstone holds its number");
    rig.write(Write::FreeNetwork(third.id)).await;
    let fifth = rig.any_workspace(&fence).await;
    assert_eq!(rig.write(allot(server, &fifth)).await.network_slot, Some(0), "until it gives it back");
}

/// The 4,096 numbers of a server end with a refusal. Long: it fills a server with workspaces.
pub async fn network_numbers_end(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let server = rig.server(slots(9)).await.id;
    let mut last = None;
    for _ in 0..32 {
        let rows: Vec<_> = (0..128).map(|_| rig.workspace_row("o", &rig.name(), &fence)).collect();
        let writes = rows.iter().flat_map(|row| [Write::InsertWorkspace(Box::new(row.clone())), allot(server, row)]);
        last = rig.commit(Change::default().with_all(writes)).await.network_slot.zip(rows.last().cloned());
    }
    let (given, last) = last.expect("a number was given");
    assert_eq!(given, 4_095, "the last number is given");
    let row = rig.any_workspace(&fence).await;
    let rule = "the numbers of a server end";
    rig.refuse(rule, None, allot(server, &row), Refused::Capacity { dimension: None }).await;
    rig.write(Write::FreeNetwork(last.id)).await;
    assert_eq!(rig.write(allot(server, &row)).await.network_slot, Some(4_095), "a number that was given back");
}

/// Allotments at once give distinct numbers without gaps.
pub async fn concurrent_allotments_are_distinct(stores: &[Arc<dyn StateStore>]) {
    let rigs: Vec<_> = stores.iter().map(|store| Rig::new(&**store)).collect();
    let fence = rigs[0].lease("m", LONG).await;
    let server = rigs[0].server(slots(9)).await.id;
    let changes = (0..30).map(|n| {
        let rig = &rigs[n % rigs.len()];
        let row = rig.workspace_row("o", &rig.name(), &fence);
        let insert = Write::InsertWorkspace(Box::new(row.clone()));
        rig.commit(Change::by(&fence).with(insert).with(allot(server, &row)))
    });
    let given: BTreeSet<_> = join_all(changes).await.into_iter().filter_map(|outcome| outcome.network_slot).collect();
    assert_eq!(given, (0..30).collect(), "numbers given at once are distinct and the lowest");
}
