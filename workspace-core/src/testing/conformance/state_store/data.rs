//! Rules of sessions and snapshots.

use super::rig::Rig;
use crate::id::{JobId, OwnerId, ProjectId, SnapshotId};
use crate::model::{Snapshot, SnapshotProfile, SnapshotStatus};
use crate::port::{DataFilter, PageRequest, Refused, StateStore, Write};

/// Sessions come back as they were written, and are listed by owner and project.
pub async fn sessions_are_listed(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let (ours, theirs) = (ProjectId::from_uuid(rig.env.uuid()), ProjectId::from_uuid(rig.env.uuid()));
    let name = rig.name();
    let first = rig.session_row(&name, ours);
    let second = rig.session_row(&name, theirs);
    for session in [&first, &second] {
        rig.write(Write::InsertSession(session.clone())).await;
    }
    rig.refuse("an id is used once", None, Write::InsertSession(first.clone()), Refused::NameTaken).await;
    assert_eq!(store.session(first.id).await.expect("the store answers"), Some(first.clone()));
    let list = async |filter: DataFilter, limit| {
        store.sessions(&filter, PageRequest { limit, ..PageRequest::default() }).await.expect("the store answers")
    };
    let mine = DataFilter { owner: Some(OwnerId::new(name)), project: None };
    assert_eq!(list(mine.clone(), 10).await.items.len(), 2);
    let page = list(mine.clone(), 1).await;
    assert_eq!((page.items.len(), page.next.is_some()), (1, true), "lists come in parts");
    assert_eq!(list(DataFilter { project: Some(ours), ..mine }, 10).await.items, [first]);
}

/// Snapshots come back as they were written, are replaced whole, and outlive their project.
pub async fn snapshots_are_kept(store: &dyn StateStore) {
    let rig = Rig::new(store);
    let project = rig.project_row("o", None);
    rig.write(Write::InsertProject(project.clone())).await;
    let snapshot = Snapshot {
        id: SnapshotId::from_uuid(rig.env.uuid()),
        owner: project.owner.clone(),
        project: project.id,
        data_generation: 2,
        profile: SnapshotProfile::Source,
        message: Some("before".to_owned()),
        status: SnapshotStatus::Creating,
        job: JobId::from_uuid(rig.env.uuid()),
        files: 0,
        bytes: 0,
        bytes_uploaded: 0,
        unreadable: 0,
        unreadable_files: Vec::new(),
        error: None,
        created_at: rig.env.now(),
    };
    rig.write(Write::PutSnapshot(Box::new(snapshot.clone()))).await;
    let ready = Snapshot { status: SnapshotStatus::Ready, files: 9, ..snapshot };
    rig.write(Write::PutSnapshot(Box::new(ready.clone()))).await;
    rig.write(Write::RemoveProject(project.id)).await;
    assert_eq!(store.snapshot(ready.id).await.expect("the store answers"), Some(ready.clone()));
    let filter = DataFilter { project: Some(project.id), ..DataFilter::default() };
    let page = store.snapshots(&filter, PageRequest::default()).await.expect("the store answers");
    assert_eq!(page.items, std::slice::from_ref(&ready));
    for _ in 0..2 {
        rig.write(Write::RemoveSnapshot(ready.id)).await;
    }
    assert_eq!(store.snapshot(ready.id).await.expect("the store answers"), None);
}
