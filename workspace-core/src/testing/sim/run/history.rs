//! What clients asked for and what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::event::Event;
use crate::id::{OwnerId, ProjectId, WorkspaceId};
use crate::job::SnapshotPlace;
use crate::model::{Project, ProjectCopy, Snapshot, Status, Workspace};
use crate::port::{DataFilter, PageRequest, StateStore, WorkspaceFilter};
use crate::testing::sim::World;
use crate::testing::sim::run::data::snapshots;

/// What clients asked for and what was acknowledged. It is written outside of every master.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<Acknowledged>);

/// What was acknowledged.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    /// Every workspace that a client heard of, by its owner and its idempotency key.
    pub(super) created: BTreeMap<(OwnerId, String), WorkspaceId>,
    /// Deletions that were acknowledged.
    pub(super) deleted: Vec<WorkspaceId>,
    /// Projects that somebody wanted restored.
    pub(super) restored: BTreeSet<ProjectId>,
    /// Files that were acknowledged; no path is written twice.
    pub(super) written: Vec<(WorkspaceId, String, Bytes)>,
}

impl History {
    pub(super) fn lock(&self) -> MutexGuard<'_, Acknowledged> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A workspace was acknowledged under a key: always the same one.
    pub(super) fn created(&self, world: &World, owner: OwnerId, key: &str, id: WorkspaceId) {
        let known = *self.lock().created.entry((owner, key.to_owned())).or_insert(id);
        if known != id {
            world.violation(&format_args!("idempotency key {key} made {known} and {id}"));
        }
    }

    /// Compares what was acknowledged with what there is, when everything is at rest.
    pub(super) async fn check(&self, world: &World, store: &dyn StateStore) {
        let (created, deleted, written) = {
            let acknowledged = self.lock();
            let created: Vec<_> = acknowledged.created.values().copied().collect();
            (created, acknowledged.deleted.clone(), acknowledged.written.clone())
        };
        for id in created {
            if !matches!(store.workspace(id).await, Ok(Some(_))) {
                world.violation(&format_args!("acknowledged workspace {id} has no row"));
            }
        }
        for id in deleted {
            let row = store.workspace(id).await.ok().flatten();
            if row.is_none_or(|row| row.observed.status != Status::Deleted) {
                world.violation(&format_args!("acknowledged deletion of {id} did not happen"));
            }
        }
        for (id, path, bytes) in written {
            let row = store.workspace(id).await.ok().flatten();
            let Some(row) = row.filter(|row| row.observed.status != Status::Deleted) else { continue };
            if self.lock().restored.contains(&row.desired.project) {
                continue;
            }
            if !is_kept(world, store, &row, &path, &bytes).await {
                world.violation(&format_args!("acknowledged file {path} of {id} is lost"));
            }
        }
    }
}

/// A snapshot that was acknowledged can be restored (I6), every execution ended once, and its session has no hole (I5).
pub(super) async fn check_data(world: &World, store: &dyn StateStore) {
    for snapshot in snapshots(store).await {
        let Snapshot { id, project, data_generation, .. } = snapshot;
        if world.storage(|storage| storage.get(SnapshotPlace { project, data_generation, id })).is_none() {
            world.violation(&format_args!("I6 snapshot {id} is ready, and not there"));
        }
    }
    let all = PageRequest { after: None, limit: 10_000 };
    for session in store.sessions(&DataFilter::default(), all).await.map(|page| page.items).unwrap_or_default() {
        let events = store.events(session.id.as_uuid(), 0, u32::MAX).await.unwrap_or_default();
        if let Some((at, event)) = events.iter().enumerate().find(|(at, event)| event.seq != *at as u64 + 1) {
            world.violation(&format_args!("I5 event {} of session {} stands at {at}", event.seq, session.id));
        }
        let of = |kind: &str| events.iter().filter(|event| event.kind == kind).count();
        let (started, finished) = (of("execution.started"), of("execution.finished"));
        if started != finished {
            world.violation(&format_args!("I5 session {}: {started} began, {finished} ended", session.id));
        }
        if of("message") > started {
            world.violation(&format_args!("I5 session {} tells something twice", session.id));
        }
    }
}

/// Data that no row knew is there, unless the project that it got was put away into a snapshot.
pub(super) async fn strays_kept(world: &World, store: &dyn StateStore) {
    for server in world.servers() {
        let missed = world.look(&server, |machine| {
            machine.missed_strays().map(|(name, labels)| (name.clone(), labels.clone())).collect::<Vec<_>>()
        });
        for (name, labels) in missed.unwrap_or_default() {
            let project = store.project(ProjectId::from_uuid(labels.subject)).await;
            if !project.is_ok_and(|found| found.is_some_and(|project| project.put_away >= labels.generation)) {
                world.violation(&format_args!("I6 {name} had data, and is gone from {server}"));
            }
        }
    }
}

/// Whether a file is where its workspace has it. What was written on a server that was lost since may be in a former
/// copy that is kept for rescue, or in a snapshot instead.
async fn is_kept(world: &World, store: &dyn StateStore, row: &Workspace, path: &str, bytes: &Bytes) -> bool {
    let Ok(Some(project)) = store.project(row.desired.project).await else { return false };
    let Some(copy) = &project.copy else { return false };
    if file(world, store, &project, copy, path).await.as_ref() == Some(bytes) {
        return true;
    }
    let events = store.events(row.id.as_uuid(), 0, u32::MAX).await.unwrap_or_default();
    let failed_over = |event: &Event| event.kind == "workspace.moved" && event.data["cause"] == "failover";
    if !events.iter().any(failed_over) {
        return false;
    }
    for rescue in &project.rescues {
        if file(world, store, &project, &rescue.copy, path).await.as_ref() == Some(bytes) {
            return true;
        }
    }
    snapshots(store).await.into_iter().filter(|snapshot| snapshot.project == project.id).any(|snapshot| {
        let Snapshot { id, project, data_generation, .. } = snapshot;
        let tree = world.storage(|storage| storage.get(SnapshotPlace { project, data_generation, id }));
        tree.and_then(|tree| tree.read(path).ok()).is_some_and(|content| content.bytes == *bytes)
    })
}

/// A file of a copy as it is on the server's disk.
async fn file(
    world: &World,
    store: &dyn StateStore,
    project: &Project,
    copy: &ProjectCopy,
    path: &str,
) -> Option<Bytes> {
    let server = store.server(copy.server).await.ok()??;
    let machine = server.record.spec.endpoint.strip_prefix("sim://")?.to_owned();
    let volume = project.volume_name(copy);
    let content = world.look(&machine, |machine| machine.volumes.get(&volume)?.tree.read(path).ok());
    content.flatten().map(|content| content.bytes)
}

/// Every workspace that is not deleted.
pub(super) async fn rows(store: &dyn StateStore) -> Vec<Workspace> {
    let page = PageRequest { after: None, limit: 10_000 };
    store.workspaces(&WorkspaceFilter::default(), page).await.map(|page| page.items).unwrap_or_default()
}
