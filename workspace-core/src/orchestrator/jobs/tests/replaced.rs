//! A restore that makes the next copy of a project.

use std::time::Duration;

use serde_json::json;

use super::rig::Rig;
use crate::error::{Error, ErrorKind};
use crate::model::{Job, JobStatus, Project, Status, SyncStep, Work, Workspace};
use crate::orchestrator::ProjectPatch;
use crate::orchestrator::jobs::NewJob;

/// What the program of a restore does.
fn restored() -> [(&'static str, crate::error::Result<serde_json::Value>); 1] {
    [("restore", Ok(json!({ "files": 3 })))]
}

/// A project whose stopped workspace's data a restore is about to replace.
async fn replacing(rig: &Rig) -> (Project, Workspace, Job) {
    let project = rig.project("site").await;
    let workspace = rig.running("one", project.id).await;
    let workspace = rig.stopped(workspace.id).await;
    rig.snapshot(project.id).await;
    let job = rig.restoring(project.id).await;
    (project, workspace, job)
}

#[tokio::test(start_paused = true)]
async fn a_restored_copy_becomes_the_current_one() {
    let rig = Rig::new().await;
    let (project, workspace, job) = replacing(&rig).await;
    rig.script.does(job.id, &restored());
    assert_eq!(rig.ended(job.id).await.status, JobStatus::Succeeded);
    let after = rig.fleet.project(&rig.me, project.id).await.unwrap();
    assert_eq!(after.copy.map(|copy| (copy.data_generation, copy.filled)), Some((2, true)));
    // The stopped container holds the old one until the next takes its place.
    rig.fleet.start_workspace(&rig.me, workspace.id).await.unwrap();
    rig.settled(workspace.id, Status::Running).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(rig.volumes().await, [format!("vol-{}-g2", project.id)]);
}

#[tokio::test(start_paused = true)]
async fn a_workspace_that_was_started_meanwhile_keeps_its_data_and_the_restore_says_so() {
    let rig = Rig::new().await;
    let (project, workspace, job) = replacing(&rig).await;
    rig.fleet.start_workspace(&rig.me, workspace.id).await.unwrap();
    rig.settled(workspace.id, Status::Running).await;
    rig.script.does(job.id, &restored());

    let job = rig.ended(job.id).await;
    assert_eq!(job.status, JobStatus::Failed);
    let error = job.error.unwrap();
    assert_eq!(error.code, "conflict", "{error:?}");
    assert!(error.message.contains("workspace one") && error.hint.is_some_and(|hint| hint.contains("stop")));
    let after = rig.fleet.project(&rig.me, project.id).await.unwrap();
    assert_eq!(after.copy.map(|copy| (copy.data_generation, copy.filled)), Some((1, true)));
    // What was made for nothing is removed.
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(rig.volumes().await, [format!("vol-{}-g1", project.id)]);
}

#[tokio::test(start_paused = true)]
async fn a_restore_that_fails_leaves_the_data_of_a_project_that_began_empty() {
    let rig = Rig::new().await;
    let (project, _, job) = replacing(&rig).await;
    let damaged = Error::new(ErrorKind::SnapshotDamaged, "a pack is missing");
    rig.script.does(job.id, &[("restore", Err(damaged))]);

    assert_eq!(rig.ended(job.id).await.status, JobStatus::Failed);
    let after = rig.fleet.project(&rig.me, project.id).await.unwrap();
    assert_eq!(after.copy.map(|copy| (copy.data_generation, copy.filled)), Some((1, true)));
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(rig.volumes().await, [format!("vol-{}-g1", project.id)]);
    // A removal of its volume may be carried out late: the number is not given again.
    let after = rig.fleet.project(&rig.me, project.id).await.unwrap();
    assert_eq!((after.superseded.len(), after.next_data_generation()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn a_restore_elsewhere_begins_whatever_else_of_the_project_changes() {
    let rig = Rig::new().await;
    let project = rig.project("site").await;
    let target = rig.second_server().await;
    let workspace = rig.running("one", project.id).await;
    let snapshot = rig.snapshot(project.id).await.id;
    rig.fleet.delete_workspace(&rig.me, workspace.id, None).await.unwrap();
    rig.settled(workspace.id, Status::Deleted).await;
    let core = &rig.fleet.core;
    let read = core.store.project(project.id).await.unwrap().unwrap();

    let renamed = ProjectPatch { name: Some("page".to_owned()), ..ProjectPatch::default() };
    rig.fleet.patch_project(&rig.me, project.id, renamed, None).await.unwrap();
    let work = Work::Sync(vec![SyncStep::Restore { snapshot, merge: false, dry_run: false }]);
    let copy = read.new_copy(target);
    let job = core.job_row(NewJob { project: &read, copy, session: None, finishes: None, work });
    let job = core.begin_elsewhere(&read, job, Vec::new()).await.unwrap();
    rig.script.started(job.id).await;
    rig.script.does(job.id, &restored());
    assert_eq!(rig.ended(job.id).await.status, JobStatus::Succeeded);
    let after = rig.fleet.project(&rig.me, project.id).await.unwrap();
    assert_eq!((after.copy.clone().map(|copy| copy.server), after.name.as_deref()), (Some(target), Some("page")));

    // Data that is not what was read any more is another matter.
    let job = core.job_row(NewJob { project: &read, copy: job.copy, session: None, finishes: None, work: job.work });
    assert_eq!(core.begin_elsewhere(&read, job, Vec::new()).await.unwrap_err().kind(), ErrorKind::ProjectBusy);
}
