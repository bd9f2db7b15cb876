//! Rules of workspaces.

use std::sync::Arc;

use futures::future::join_all;

use super::rig::{LONG, Rig};
use crate::id::{ServerId, WorkspaceId};
use crate::model::{Health, Intent, Observed, PlacementRecord, Problem, Status, Workspace};
use crate::placement::Rejection;
use crate::port::{Change, Refused, StateStore, Write};

/// A workspace comes back as it was written.
pub async fn workspaces_come_back_as_written(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let mut row = rig.workspace_row("ö'wner", "größe \"x\" \\ %", &fence);
    row.desired.spec.env = [("A".to_owned(), "b\nc".to_owned())].into();
    row.desired.spec.resources.memory_mib = u64::MAX;
    row.desired.server = Some(ServerId::from_uuid(rig.env.uuid()));
    let rejection = Rejection { server: "s".to_owned(), code: "labels".to_owned(), detail: "needs a=b".to_owned() };
    row.desired.placement =
        PlacementRecord { strategy: "spread".to_owned(), reason: "most room".to_owned(), rejections: vec![rejection] };
    row.observed = Observed {
        health: Health::Unhealthy,
        generation: 7,
        error: Some(Problem { code: "c".to_owned(), message: "m".to_owned(), hint: None }),
        started_at: Some(rig.env.now()),
        restarts: 3,
        ..Observed::new(Status::Starting)
    };
    rig.insert(&row).await;
    assert_eq!(rig.workspace(row.id).await, row, "a workspace comes back as written");
    let missing = store.workspace(WorkspaceId::from_uuid(rig.env.uuid())).await.expect("the store answers");
    assert_eq!(missing, None, "what was never written is missing");
    row.desired.network_slot = Some(9);
    let other = Workspace { id: WorkspaceId::from_uuid(rig.env.uuid()), ..rig.workspace_row("x", "y", &fence) };
    let other = Workspace { desired: crate::model::Desired { network_slot: Some(9), ..other.desired }, ..other };
    rig.insert(&other).await;
    assert_eq!(rig.workspace(other.id).await.desired.network_slot, None, "only an allotment gives a network number");
}

/// The name of a workspace is unique per owner, by exact case, until the workspace is deleted.
pub async fn names_are_unique_per_owner_until_deletion(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let rule = "a workspace's name is unique per owner";
    let fence = rig.lease("m", LONG).await;
    let first = rig.workspace_row("anna", "site", &fence);
    rig.insert(&first).await;
    let again = || Write::InsertWorkspace(Box::new(rig.workspace_row("anna", "site", &fence)));
    rig.refuse(rule, None, again(), Refused::NameTaken).await;
    for (owner, name) in [("bert", "site"), ("anna", "Site")] {
        rig.insert(&rig.workspace_row(owner, name, &fence)).await;
    }
    let same_id = Workspace { id: first.id, ..rig.workspace_row("carl", "new", &fence) };
    rig.refuse("an id is used once", None, Write::InsertWorkspace(Box::new(same_id)), Refused::NameTaken).await;
    rig.bury(&first).await;
    rig.write(again()).await;
}

/// A decision that renames a workspace meets the same guard as a new one.
pub async fn names_are_guarded_in_decisions(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let first = rig.workspace_row("o", "first", &fence);
    let mut second = rig.workspace_row("o", "second", &fence);
    rig.insert(&first).await;
    rig.insert(&second).await;
    second.desired.name = String::from("first");
    let rule = "a decision does not take another workspace's name";
    rig.refuse(rule, None, rig.decide(&second), Refused::NameTaken).await;
    second.desired.name = String::from("third");
    rig.write(rig.decide(&second)).await;
    rig.insert(&rig.workspace_row("o", "second", &fence)).await;
}

/// A project belongs to one workspace until that is deleted.
pub async fn a_project_has_one_workspace(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let rule = "a project has one workspace";
    let fence = rig.lease("m", LONG).await;
    let first = rig.any_workspace(&fence).await;
    let mut second = rig.workspace_row("o", "second", &fence);
    let own = second.desired.project;
    second.desired.project = first.desired.project;
    let insert = |row: &Workspace| Write::InsertWorkspace(Box::new(row.clone()));
    rig.refuse(rule, None, insert(&second), Refused::ProjectTaken).await;
    second.desired.project = own;
    rig.insert(&second).await;
    second.desired.project = first.desired.project;
    rig.refuse(rule, None, rig.decide(&second), Refused::ProjectTaken).await;
    rig.bury(&first).await;
    rig.write(rig.decide(&second)).await;
}

/// A decision names the revision that it was made against, and counts it up; what was seen stays.
pub async fn decisions_are_guarded_by_revision(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let row = rig.any_workspace(&fence).await;
    let mut wanted = row.clone();
    wanted.desired.intent = Intent::Stopped;
    wanted.desired.generation = 2;
    let at = rig.env.now();
    let decide = |expected| Write::DecideWorkspace {
        id: row.id,
        expected,
        desired: Box::new(wanted.desired.clone()),
        status: None,
        driver: None,
        at,
    };
    rig.write(decide(1)).await;
    let expected = Workspace { revision: 2, updated_at: at, ..wanted.clone() };
    assert_eq!(rig.workspace(row.id).await, expected, "a decision replaces what is wanted and nothing else");
    for stale in [1, 3] {
        let rule = "a decision against another revision is stale";
        rig.refuse(rule, None, decide(stale), Refused::Stale { current: 2 }).await;
    }
    let missing = rig.workspace_row("o", "missing", &fence);
    rig.refuse("a missing workspace is not decided on", None, rig.decide(&missing), Refused::NotFound).await;
}

/// A decision that shows a status clears the error; one that shows none leaves both.
pub async fn decisions_clear_the_error_with_the_status(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let mut row = rig.workspace_row("o", "w", &fence);
    row.observed.status = Status::Error;
    row.observed.error = Some(Problem { code: "c".to_owned(), message: "m".to_owned(), hint: Some("h".to_owned()) });
    row.observed.waiting.clone_from(&row.observed.error);
    rig.insert(&row).await;
    rig.write(rig.decide(&row)).await;
    assert_eq!(rig.workspace(row.id).await.observed, row.observed, "a decision without a status leaves what was seen");
    let desired = Box::new(row.desired.clone());
    let status = Some(Status::Starting);
    let at = rig.env.now();
    rig.write(Write::DecideWorkspace { id: row.id, expected: 2, desired, status, driver: None, at }).await;
    let observed = rig.workspace(row.id).await.observed;
    let expected = Observed { status: Status::Starting, error: None, waiting: None, ..row.observed };
    assert_eq!(observed, expected, "a decision with a status clears the error and leaves the rest");
}

/// A deleted workspace is read by its id and never comes back.
pub async fn tombstones_stay_tombstones(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let server = rig.server(super::rig::slots(1)).await;
    let row = rig.any_workspace(&fence).await;
    rig.bury(&row).await;
    assert_eq!(rig.workspace(row.id).await.observed.status, Status::Deleted, "a tombstone is read by its id");
    rig.refuse("a tombstone is not decided on", None, rig.decide(&row), Refused::NotFound).await;
    let allot = Write::AllotNetwork { server: server.id, workspace: row.id, from: 0 };
    rig.refuse("a tombstone gets no network", None, allot, Refused::NotFound).await;
    let revive = rig.observe(&row, Status::Running);
    rig.refuse("a tombstone does not come back", Some(&fence), revive, Refused::NotFound).await;
    rig.bury(&row).await;
}

/// Of many that want a name at once, one gets it.
pub async fn concurrent_names_are_taken_once(stores: &[Arc<dyn StateStore>]) {
    let rigs: Vec<_> = stores.iter().map(|store| Rig::new(&**store)).collect();
    let fence = rigs[0].lease("m", LONG).await;
    let inserts = (0..20).map(|n| {
        let rig = &rigs[n % rigs.len()];
        let row = rig.workspace_row("o", "same", &fence);
        rig.try_commit(Change::by(&fence).with(Write::InsertWorkspace(Box::new(row))))
    });
    let answers = join_all(inserts).await;
    let taken = answers.iter().filter(|answer| **answer == Err(Refused::NameTaken)).count();
    assert_eq!(taken, 19, "one of twenty gets the name: {answers:?}");
}
