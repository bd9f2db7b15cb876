//! The snapshot that a stop takes.

use serde_json::json;

use super::rig::Rig;
use crate::error::{Error, ErrorKind};
use crate::id::{JobId, WorkspaceId};
use crate::model::{BackupPolicy, Intent, Project, SnapshotStatus, Status, Workspace};
use crate::orchestrator::RestoreRequest;
use crate::port::{JobFilter, PageRequest};

const POLICY: BackupPolicy = BackupPolicy { on_stop: true };

async fn stopping(rig: &Rig, policy: BackupPolicy) -> (Project, Workspace) {
    let project = rig.project("site").await;
    rig.fleet.set_backup_policy(&rig.me, project.id, policy).await.unwrap();
    let workspace = rig.running("one", project.id).await;
    let row = rig.fleet.stop_workspace(&rig.me, workspace.id).await.unwrap();
    (project, row)
}

async fn kinds(rig: &Rig, workspace: WorkspaceId) -> Vec<String> {
    let events = rig.fleet.core.store.events(workspace.as_uuid(), 0, 100).await.unwrap();
    events.into_iter().map(|event| event.kind).filter(|kind| kind.contains("snapshot")).collect()
}

async fn snapshot_job(rig: &Rig) -> JobId {
    let job = rig.script.next_after(&[]).await;
    rig.script.accepts(job);
    job
}

#[tokio::test(start_paused = true)]
async fn a_stop_writes_the_data_away_once_by_policy() {
    let rig = Rig::new().await;
    let (project, row) = stopping(&rig, POLICY).await;
    let job = snapshot_job(&rig).await;
    assert!(rig.world.running().is_empty(), "the data is at rest");
    assert_eq!(rig.fleet.workspace(&rig.me, row.id).await.unwrap().observed.status, Status::Stopping);
    rig.script.does(job, &[("snapshot", Ok(json!({ "files": 3, "bytes": 30 })))]);
    rig.settled(row.id, Status::Stopped).await;

    let status = rig.fleet.workspace_status(&rig.me, row.id).await.unwrap();
    let snapshot = status.stop_snapshot.unwrap();
    assert_eq!((snapshot.status, snapshot.files), (SnapshotStatus::Ready, 3));
    assert_eq!(kinds(&rig, row.id).await, ["workspace.snapshot_started", "workspace.snapshot_done"]);
    // Another stop of what does not run takes no other.
    rig.stopped(row.id).await;
    let filter = JobFilter { project: Some(project.id), ..JobFilter::default() };
    assert_eq!(rig.fleet.core.store.jobs(&filter, PageRequest::default()).await.unwrap().items.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_fails_holds_no_stop_up_and_loses_nothing() {
    let rig = Rig::new().await;
    let (project, row) = stopping(&rig, POLICY).await;
    let job = snapshot_job(&rig).await;
    let refused = Error::new(ErrorKind::StorageRefused, "the bucket does not exist").hint("make it");
    rig.script.does(job, &[("snapshot", Err(refused))]);
    let row = rig.settled(row.id, Status::Stopped).await;
    assert_eq!(kinds(&rig, row.id).await, ["workspace.snapshot_started", "workspace.snapshot_failed"]);
    let snapshot = rig.fleet.workspace_status(&rig.me, row.id).await.unwrap().stop_snapshot.unwrap();
    assert_eq!(snapshot.error.map(|error| error.code).as_deref(), Some("storage_refused"));
    assert_eq!(rig.volumes().await, [format!("vol-{}-g1", project.id)]);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_never_ends_holds_no_stop_up_for_ever() {
    let rig = Rig::new().await;
    let (_, row) = stopping(&rig, POLICY).await;
    let job = snapshot_job(&rig).await;
    let begun = tokio::time::Instant::now();
    rig.settled(row.id, Status::Stopped).await;
    assert!(begun.elapsed() < std::time::Duration::from_mins(11), "{:?}", begun.elapsed());
    // It may still come, and is told then.
    rig.script.does(job, &[("snapshot", Ok(json!({})))]);
    rig.ended(job).await;
    assert_eq!(kinds(&rig, row.id).await, ["workspace.snapshot_started", "workspace.snapshot_done"]);
}

#[tokio::test(start_paused = true)]
async fn deleting_does_not_wait_for_the_snapshot_of_a_named_project() {
    let rig = Rig::new().await;
    let (_, row) = stopping(&rig, POLICY).await;
    snapshot_job(&rig).await;
    rig.fleet.delete_workspace(&rig.me, row.id, None).await.unwrap();
    let gone = rig.settled(row.id, Status::Deleted).await;
    assert_eq!(gone.desired.intent, Intent::Deleted);
}

#[tokio::test(start_paused = true)]
async fn without_a_policy_nothing_is_written() {
    let rig = Rig::new().await;
    let (_, row) = stopping(&rig, BackupPolicy::default()).await;
    rig.settled(row.id, Status::Stopped).await;
    assert!(rig.script.there().is_empty() && kinds(&rig, row.id).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn files_that_cannot_be_read_are_told_and_such_a_snapshot_is_not_taken_for_the_newest() {
    let rig = Rig::new().await;
    let (project, row) = stopping(&rig, POLICY).await;
    let job = snapshot_job(&rig).await;
    let skipped = json!([{ "path": "fifo", "reason": "special_file" }, { "path": "closed", "reason": "unreadable" }]);
    rig.script.does(job, &[("snapshot", Ok(json!({ "files": 3, "unreadable": 1, "skipped": skipped })))]);
    rig.settled(row.id, Status::Stopped).await;
    assert_eq!(kinds(&rig, row.id).await, ["workspace.snapshot_started", "workspace.snapshot_incomplete"]);
    let snapshot = rig.fleet.workspace_status(&rig.me, row.id).await.unwrap().stop_snapshot.unwrap();
    assert_eq!(snapshot.status, SnapshotStatus::Incomplete);
    assert_eq!((snapshot.unreadable, snapshot.unreadable_files), (1, vec!["closed".to_owned()]));
    let newest = rig.fleet.restore_project(&rig.me, project.id, RestoreRequest::default()).await.unwrap_err();
    assert_eq!(newest.kind(), ErrorKind::NotFound);
    let named = RestoreRequest { snapshot: Some(snapshot.id), ..RestoreRequest::default() };
    rig.fleet.restore_project(&rig.me, project.id, named).await.unwrap();
}
