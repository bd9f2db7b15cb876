//! Rules of changes as a whole.

use std::sync::Arc;

use futures::future::join_all;

use super::audit::entry;
use super::rig::{LONG, Rig, claim, release, slots};
use crate::id::{OwnerId, TokenId};
use crate::model::{
    IdempotencyRecord, Observed, Scheduling, ServerObservation, ServerRecord, Status, Token, Workspace,
};
use crate::port::{AuditFilter, Change, PageRequest, Refused, StateStore, WorkspaceFilter, Write};
use crate::resources::Dimension;

/// The fleet's id is minted once.
pub async fn the_fleet_has_one_id(store: &dyn StateStore) {
    let first = store.fleet_id().await.expect("the store answers");
    assert_eq!(store.fleet_id().await.expect("the store answers"), first, "the fleet has one id");
    assert_eq!(first.as_uuid().get_version_num(), 7, "the fleet's id is a UUIDv7");
    assert_eq!(store.commit(&[]).await.expect("the store answers"), [], "no changes, no answers");
    let answers = store.commit(&[Change::default(), Change::default()]).await.expect("the store answers");
    assert!(answers.iter().all(Result::is_ok), "an empty change does nothing");
}

/// The writes of a change happen in order, and each sees those before it.
pub async fn later_writes_see_earlier_ones(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let server = rig.server_row(slots(2));
    let project = rig.project_row("o", None);
    let mut row = rig.workspace_row("o", "w", &fence);
    (row.desired.project, row.desired.server) = (project.id, Some(server.id));
    let outcome = rig
        .commit(
            Change::by(&fence)
                .with(Write::InsertServer(server.clone()))
                .with(claim(server.id, row.id.as_uuid(), slots(2)))
                .with(release(row.id.as_uuid()))
                .with(claim(server.id, row.id.as_uuid(), slots(1)))
                .with(Write::InsertProject(project.clone()))
                .with(Write::InsertWorkspace(Box::new(row.clone())))
                .with(Write::AllotNetwork { server: server.id, workspace: row.id, from: 0 })
                .with(rig.decide(&row))
                .with(Write::ObserveWorkspace {
                    id: row.id,
                    expected: 2,
                    observed: Observed::new(Status::Filling),
                    at: rig.env.now(),
                })
                .with(rig.event(row.id.as_uuid()))
                .with(rig.event(row.id.as_uuid())),
        )
        .await;
    assert_eq!(outcome.network_slot, Some(0), "an allotment sees the workspace of its change");
    assert_eq!(outcome.events.len(), 2, "both events are recorded");
    let read = rig.workspace(row.id).await;
    let seen = (read.revision, read.observed.status, read.desired.network_slot);
    assert_eq!(seen, (2, Status::Filling, Some(0)), "each write saw those before it");
    let state = store.server(server.id).await.expect("the store answers").expect("it is there");
    assert_eq!((state.reserved, state.workspaces), (slots(1), 1), "the claims of the change are counted");
}

/// A refusal at the end of a change takes back every kind of write before it.
pub async fn refusals_undo_every_kind_of_write(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let fence = rig.lease("m", LONG).await;
    let server = rig.server(slots(5)).await;
    let (closed, full) = (rig.server(slots(5)).await, rig.server(slots(0)).await);
    rig.schedule(closed.id, Scheduling::Cordoned).await;
    let (kept, spare) = (rig.project_row("o", Some("kept")), rig.project_row("o", Some("spare")));
    let row = rig.workspace_row("o", "w", &fence);
    let token = token_row(&rig);
    rig.commit(
        Change::by(&fence)
            .with(Write::InsertProject(kept.clone()))
            .with(Write::InsertProject(spare.clone()))
            .with(Write::InsertWorkspace(Box::new(row.clone())))
            .with(Write::AllotNetwork { server: server.id, workspace: row.id, from: 0 })
            .with(claim(server.id, row.id.as_uuid(), slots(2)))
            .with(Write::InsertToken(token.clone())),
    )
    .await;
    let before = snapshot(store, &rig, &row, &token).await;
    let mut renamed = kept.clone();
    renamed.name = Some("renamed".to_owned());
    let record = ServerRecord { totals: slots(9), ..server.clone() };
    let mut other = rig.workspace_row("o", "other", &fence);
    other.desired.server = Some(server.id);
    let observation = ServerObservation { last_error: Some("x".to_owned()), ..ServerObservation::default() };
    let observed = Observed::new(Status::Deleted);
    let change = Change::by(&fence)
        .with(Write::InsertServer(rig.server_row(slots(1))))
        .with(Write::UpdateServer { record, expected: 1 })
        .with(Write::ObserveServer { id: server.id, observation })
        .with(Write::RemoveServer(closed.id))
        .with(Write::UpdateProject { project: renamed, expected: 1 })
        .with(Write::RemoveProject(spare.id))
        .with(Write::InsertProject(rig.project_row("o", Some("spare"))))
        .with(rig.decide(&row))
        .with(Write::FreeNetwork(row.id))
        .with(Write::InsertWorkspace(Box::new(other.clone())))
        .with(Write::AllotNetwork { server: server.id, workspace: other.id, from: 0 })
        .with(Write::AdoptWorkspace(row.id))
        .with(Write::ObserveWorkspace { id: row.id, expected: 2, observed, at: rig.env.now() })
        .with(release(row.id.as_uuid()))
        .with(claim(server.id, other.id.as_uuid(), slots(5)))
        .with(rig.event(row.id.as_uuid()))
        .with(Write::Audit(entry(&rig, 1, "o", 1)))
        .with(Write::RevokeToken { id: token.id, at: rig.env.now() })
        .with(Write::Remember(remembered_row(&rig)))
        .with(claim(full.id, rig.env.uuid(), slots(1)));
    let dimension = Some(Dimension::Slots);
    assert_eq!(rig.try_commit(change).await, Err(Refused::Capacity { dimension }), "the last write is refused");
    assert_eq!(snapshot(store, &rig, &row, &token).await, before, "a refusal takes back every write before it");
    assert!(store.workspace(other.id).await.expect("the store answers").is_none(), "also a new workspace");
    let remembered = store.remembered(&OwnerId::new("o"), "key").await.expect("the store answers");
    assert_eq!(remembered, None, "also a remembered key");
}

fn token_row(rig: &Rig<'_>) -> Token {
    Token {
        id: TokenId::from_uuid(rig.env.uuid()),
        hash: rig.env.bytes(),
        owner: OwnerId::new("o"),
        scopes: [].into(),
        expires_at: None,
        revoked_at: None,
        created_at: rig.env.now(),
    }
}

fn remembered_row(rig: &Rig<'_>) -> IdempotencyRecord {
    IdempotencyRecord {
        owner: OwnerId::new("o"),
        key: "key".to_owned(),
        request_hash: [1; 32],
        resource: rig.env.uuid(),
        at: rig.env.now(),
    }
}

async fn snapshot(store: &dyn StateStore, rig: &Rig<'_>, row: &Workspace, token: &Token) -> String {
    let page = PageRequest::default();
    let servers = store.servers().await.expect("the store answers");
    let mut ledgers = Vec::new();
    for server in &servers {
        ledgers.push(store.reservations(server.record.id, true).await.expect("the store answers"));
    }
    let workspaces = store.workspaces(&WorkspaceFilter::default(), page).await.expect("the store answers");
    let projects = store.projects(None, page).await.expect("the store answers");
    let token = store.token(token.id).await.expect("the store answers");
    let events = rig.seqs(row.id.as_uuid()).await;
    let audit = store.audit(&AuditFilter::default(), page).await.expect("the store answers");
    format!("{servers:?} {ledgers:?} {workspaces:?} {projects:?} {token:?} {events:?} {audit:?}")
}

/// Changes that touch the same rows in opposite order all end, and each happened wholly.
pub async fn crossing_changes_all_end(stores: &[Arc<dyn StateStore>]) {
    let rig = Rig::new(&*stores[0]);
    let servers = [rig.server(slots(1_000)).await.id, rig.server(slots(1_000)).await.id];
    let fence = rig.lease("m", LONG).await;
    let row = rig.any_workspace(&fence).await;
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let (store, fence, row) = (stores[n % stores.len()].clone(), fence.clone(), row.clone());
            tokio::spawn(async move {
                let rig = Rig::new(&*store);
                for _ in 0..5 {
                    let (first, second) = (rig.env.uuid(), rig.env.uuid());
                    let mut writes = vec![
                        claim(servers[0], first, slots(1)),
                        claim(servers[1], second, slots(1)),
                        rig.observe(&row, Status::Starting),
                        rig.event(row.id.as_uuid()),
                        rig.event(servers[0].as_uuid()),
                    ];
                    if n % 2 == 1 {
                        writes.reverse();
                    }
                    rig.commit(Change::by(&fence).with_all(writes)).await;
                    let mut writes = vec![rig.observe(&row, Status::Starting), release(first), release(second)];
                    if n % 3 == 1 {
                        writes.reverse();
                    }
                    rig.commit(Change::by(&fence).with_all(writes)).await;
                }
            })
        })
        .collect();
    for task in join_all(tasks).await {
        task.expect("no change is left hanging");
    }
    for server in servers {
        assert_eq!(rig.reserved(server).await, slots(0), "crossing changes happened wholly");
    }
    assert_eq!(rig.seqs(row.id.as_uuid()).await.len(), 80, "every crossing change is there");
}
