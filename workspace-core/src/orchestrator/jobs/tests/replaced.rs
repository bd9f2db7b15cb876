//! A restore that makes the next copy of a project.

use std::time::Duration;

use serde_json::json;

use super::rig::Rig;
use crate::error::{Error, ErrorKind};
use crate::model::{Job, JobStatus, Project, Status, Workspace};

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
    assert!(rig.world.violations().is_empty());
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
}
