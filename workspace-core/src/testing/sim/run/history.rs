//! What clients asked for and what was acknowledged.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::id::{OwnerId, WorkspaceId};
use crate::model::{Status, Workspace};
use crate::port::{PageRequest, StateStore, WorkspaceFilter};
use crate::testing::sim::World;

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
            if file(world, store, &row, &path).await.as_ref() != Some(&bytes) {
                world.violation(&format_args!("acknowledged file {path} of {id} is lost"));
            }
        }
    }
}

/// A file as it is on the server's disk.
async fn file(world: &World, store: &dyn StateStore, row: &Workspace, path: &str) -> Option<Bytes> {
    let project = store.project(row.desired.project).await.ok()??;
    let copy = project.copy.clone()?;
    let server = store.server(copy.server).await.ok()??;
    let machine = server.record.spec.endpoint.strip_prefix("sim://")?.to_owned();
    let volume = project.volume_name(&copy);
    let content = world.look(&machine, |machine| machine.volumes.get(&volume)?.tree.read(path).ok());
    content.flatten().map(|content| content.bytes)
}

/// Every workspace that is not deleted.
pub(super) async fn rows(store: &dyn StateStore) -> Vec<Workspace> {
    let page = PageRequest { after: None, limit: 10_000 };
    store.workspaces(&WorkspaceFilter::default(), page).await.map(|page| page.items).unwrap_or_default()
}
