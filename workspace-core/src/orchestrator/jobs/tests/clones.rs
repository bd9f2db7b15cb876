//! Clones, and what is done with snapshots in the storage.

use serde_json::json;

use super::rig::{Rig, SOON};
use crate::error::{Error, ErrorKind};
use crate::job::JobStep;
use crate::model::{JobStatus, Snapshot, SnapshotStatus, Status};
use crate::orchestrator::{CloneFrom, CloneRequest, NewWorkspace};

fn named(name: &str, from: CloneFrom) -> CloneRequest {
    CloneRequest { name: name.to_owned(), from }
}

/// A project with data, and a snapshot of it.
async fn saved(rig: &Rig) -> Snapshot {
    let project = rig.project("site").await;
    let workspace = rig.running("one", project.id).await;
    rig.stopped(workspace.id).await;
    rig.snapshot(project.id).await
}

#[tokio::test(start_paused = true)]
async fn a_clone_waits_for_the_snapshot_that_is_taken_for_it() {
    let rig = Rig::new().await;
    let origin = saved(&rig).await.project;
    let clone = rig.fleet.clone_project(&rig.me, origin, named("copy", CloneFrom::Copy), None).await.unwrap();
    let taking = rig.fleet.snapshot(&rig.me, clone.seed.unwrap()).await.unwrap();
    rig.script.started(taking.job).await;
    let new = NewWorkspace { project: Some(clone.id), ..NewWorkspace::new("two", "base") };
    let row = rig.fleet.create_workspace(&rig.me, new, None).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    assert_eq!(rig.script.there(), [taking.job], "nothing is filled before the snapshot is there");
    assert_eq!(rig.fleet.workspace(&rig.me, row.id).await.unwrap().observed.status, Status::Filling);
    rig.script.does(taking.job, &[("snapshot", Ok(json!({})))]);

    let fill = rig.script.next_after(&[taking.job]).await;
    let request = rig.script.request(fill).unwrap();
    let JobStep::Restore { place, merge: false, dry_run: false, .. } = &request.steps[0] else { panic!("{request:?}") };
    assert_eq!((place.project, Some(place.id)), (origin, clone.seed));
    rig.script.does(fill, &[("restore", Ok(json!({ "files": 3 })))]);
    rig.settled(row.id, Status::Running).await;
}

#[tokio::test(start_paused = true)]
async fn a_clone_whose_snapshot_failed_is_never_started_empty() {
    let rig = Rig::new().await;
    let origin = saved(&rig).await.project;
    let clone = rig.fleet.clone_project(&rig.me, origin, named("copy", CloneFrom::Copy), None).await.unwrap();
    let taking = rig.fleet.snapshot(&rig.me, clone.seed.unwrap()).await.unwrap();
    rig.script.started(taking.job).await;
    rig.script.does(taking.job, &[("snapshot", Err(Error::new(ErrorKind::StorageRefused, "no")))]);
    let new = NewWorkspace { project: Some(clone.id), ..NewWorkspace::new("two", "base") };
    let row = rig.fleet.create_workspace(&rig.me, new, None).await.unwrap();
    let row = rig.settled(row.id, Status::Error).await;
    let error = row.observed.error.unwrap();
    assert!(error.code == "conflict" && error.hint.is_some(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clone_takes_only_snapshots_of_its_origin() {
    let rig = Rig::new().await;
    let snapshot = saved(&rig).await;
    let other = rig.project("other").await;
    let wish = named("copy", CloneFrom::Snapshot(snapshot.id));
    let error = rig.fleet.clone_project(&rig.me, other.id, wish.clone(), None).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("snapshot")));
    let clone = rig.fleet.clone_project(&rig.me, snapshot.project, wish, None).await.unwrap();
    assert_eq!(clone.seed, Some(snapshot.id));
    // What is still to be filled from a snapshot keeps it.
    let error = rig.fleet.delete_snapshot(&rig.me, snapshot.id).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && error.next_step().is_some(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_goes_when_its_object_is_gone_and_outlives_its_project_until_then() {
    let rig = Rig::new().await;
    let snapshot = saved(&rig).await;
    let going = rig.fleet.delete_snapshot(&rig.me, snapshot.id).await.unwrap();
    rig.script.started(going.job).await;
    let refused = Error::new(ErrorKind::StorageUnreachable, "no answer").hint("see the storage");
    rig.script.does(going.job, &[("delete", Err(refused))]);
    let kept = rig.fleet.wait_snapshot(&rig.me, snapshot.id, SOON).await.unwrap();
    assert_eq!(kept.status, SnapshotStatus::Deleting);
    assert_eq!(kept.error.map(|error| error.code).as_deref(), Some("storage_unreachable"));

    let workspace = rig.fleet.core.workspace_with(snapshot.project).await.unwrap().unwrap();
    rig.fleet.delete_workspace(&rig.me, workspace.id, None).await.unwrap();
    rig.settled(workspace.id, Status::Deleted).await;
    rig.fleet.delete_project(&rig.me, snapshot.project).await.unwrap();
    let going = rig.fleet.delete_snapshot(&rig.me, snapshot.id).await.unwrap();
    rig.script.started(going.job).await;
    rig.script.does(going.job, &[("delete", Ok(json!({})))]);
    assert_eq!(rig.ended(going.job).await.status, JobStatus::Succeeded);
    let gone = rig.fleet.snapshot(&rig.me, snapshot.id).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn damage_that_was_found_is_told_and_is_not_restored_by_default() {
    let rig = Rig::new().await;
    let snapshot = saved(&rig).await;
    for (found, newest) in [
        (Err(Error::new(ErrorKind::SnapshotDamaged, "pack 1 is lost: a.txt").hint("take another")), false),
        (Ok(json!({ "packs": 1 })), true),
    ] {
        let job = rig.fleet.verify_snapshot(&rig.me, snapshot.id).await.unwrap();
        rig.script.started(job.id).await;
        rig.script.does(job.id, &[("verify", found)]);
        rig.ended(job.id).await;
        let project = rig.fleet.project(&rig.me, snapshot.project).await.unwrap();
        assert_eq!(rig.fleet.core.newest_snapshot(&project, None).await.is_ok(), newest);
    }
}
