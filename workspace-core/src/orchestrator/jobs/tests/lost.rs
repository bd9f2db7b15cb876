//! Servers that never come back, or late.

use std::time::Duration;

use futures::StreamExt;
use tokio::time::sleep;

use super::rig::{Rig, SOON};
use crate::model::{JobStatus, OnSuccess, ReservationPart, SnapshotStatus};
use crate::orchestrator::{AgentRequest, Caller, Execution, NewExecution, NewSnapshot};

async fn executed(rig: &Rig, project: crate::id::ProjectId) -> Execution {
    let agent = AgentRequest {
        image: "base".to_owned(),
        argv: vec!["agent".to_owned()],
        time_limit_seconds: Some(600),
        ..AgentRequest::default()
    };
    let on_success = OnSuccess { snapshot: true, ..OnSuccess::default() };
    let new =
        NewExecution { project: Some(project), prompt: "go".to_owned(), agent, on_success, ..NewExecution::default() };
    rig.fleet.execute(&rig.me, new, None).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_agent_on_a_lost_server_ends_at_its_limit_and_what_comes_back_is_removed_first() {
    let rig = Rig::new().await;
    let project = rig.project("site").await;
    let run = executed(&rig, project.id).await;
    rig.script.started(run.job.id).await;
    rig.script.accepts(run.job.id);
    sleep(Duration::from_secs(5)).await;
    rig.script.lose_servers(true);
    let begun = tokio::time::Instant::now();

    let job = rig.ended(run.job.id).await;
    assert!(begun.elapsed() < Duration::from_mins(13), "{:?}", begun.elapsed());
    assert_eq!(job.status, JobStatus::Interrupted, "nobody knows how far it came");
    let error = job.error.unwrap();
    assert!(error.code == "server_unreachable" && error.hint.is_some(), "{error:?}");
    let held = rig.fleet.core.held(rig.server, job.id.as_uuid(), ReservationPart::Compute).await.unwrap();
    assert!(held.is_zero(), "{held:?}");
    let mut events = rig.fleet.session_events(&rig.me, run.session.id, 0).await.unwrap();
    let last = loop {
        let event = events.next().await.unwrap().unwrap();
        if event.kind == "execution.finished" {
            break event;
        }
    };
    assert_eq!(last.data["status"], "interrupted");

    // Its program still runs when the server is back: it is gone before the next one starts.
    let next = executed(&rig, project.id).await;
    sleep(Duration::from_secs(30)).await;
    assert_eq!(rig.script.there(), [run.job.id]);
    rig.script.lose_servers(false);
    rig.script.started(next.job.id).await;
    assert_eq!(rig.script.there(), [next.job.id]);
    let after = rig.fleet.project(&rig.me, project.id).await.unwrap();
    assert!(after.abandoned.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_on_a_lost_server_fails_and_is_tidied_when_it_is_back() {
    let rig = Rig::new().await;
    let project = rig.project("site").await;
    let workspace = rig.running("one", project.id).await;
    rig.stopped(workspace.id).await;
    let row = rig.fleet.take_snapshot(&rig.me, project.id, NewSnapshot::default()).await.unwrap();
    rig.script.started(row.job).await;
    rig.script.accepts(row.job);
    sleep(Duration::from_secs(5)).await;
    rig.script.lose_servers(true);

    let row = rig.fleet.wait_snapshot(&rig.me, row.id, SOON).await.unwrap();
    assert_eq!(row.status, SnapshotStatus::Failed);
    let error = row.error.unwrap();
    assert!(error.code == "server_unreachable" && error.hint.is_some(), "{error:?}");
    assert_eq!(rig.ended(row.job).await.status, JobStatus::Failed);
    rig.script.lose_servers(false);
    sleep(Duration::from_mins(1)).await;
    assert!(rig.script.there().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_was_never_begun_is_given_up_at_the_start_deadline() {
    let rig = Rig::new().await;
    let project = rig.project("site").await;
    let workspace = rig.running("one", project.id).await;
    rig.stopped(workspace.id).await;
    rig.script.lose_servers(true);
    let row = rig.fleet.take_snapshot(&rig.me, project.id, NewSnapshot::default()).await.unwrap();
    let begun = tokio::time::Instant::now();
    let job = rig.ended(row.job).await;
    assert_eq!(job.status, JobStatus::Failed);
    assert!(begun.elapsed() < Duration::from_mins(6), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_program_that_outlives_its_limit_is_ended() {
    let rig = Rig::new().await;
    let project = rig.project("site").await;
    let run = executed(&rig, project.id).await;
    rig.script.started(run.job.id).await;
    rig.script.accepts(run.job.id);
    let job = rig.ended(run.job.id).await;
    assert_eq!(job.status, JobStatus::Failed);
    assert_eq!(job.error.map(|error| error.code).as_deref(), Some("time_limit"));
    sleep(Duration::from_mins(1)).await;
    assert!(rig.script.there().is_empty());
    let reserved = rig.fleet.fleet(&Caller::admin()).await.unwrap().reserved;
    assert_eq!((reserved.cpu_millis, reserved.slots), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_not_heard_is_ended_and_not_run_again() {
    let rig = Rig::new().await;
    let project = rig.project("one").await;
    rig.script.mute();
    let run = executed(&rig, project.id).await;
    rig.script.started(run.job.id).await;
    rig.script.accepts(run.job.id);
    let job = rig.ended(run.job.id).await;
    assert_eq!((job.status, rig.script.starts(job.id)), (JobStatus::Failed, 1), "{:?}", job.error);
    assert!(job.accepted_at.is_some(), "what it said is read after its end");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_never_took_its_request_is_made_anew() {
    let rig = Rig::new().await;
    let project = rig.project("one").await;
    let run = executed(&rig, project.id).await;
    sleep(Duration::from_secs(30)).await;
    assert!(rig.script.starts(run.job.id) > 1);
    rig.script.does(run.job.id, &[("agent", Ok(serde_json::json!({})))]);
    rig.ended(run.job.id).await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_not_made_anew_while_a_removal_that_nobody_heard_of_may_still_come() {
    let rig = Rig::new().await;
    let project = rig.project("one").await;
    rig.script.lose_a_removal();
    let run = executed(&rig, project.id).await;
    let grace = rig.fleet.core.config.orphan_grace;
    sleep(grace).await;
    assert_eq!((rig.script.starts(run.job.id), rig.script.there()), (1, Vec::new()), "it is gone, and waited for");
    sleep(Duration::from_secs(30)).await;
    assert!(rig.script.starts(run.job.id) > 1);
    rig.script.does(run.job.id, &[("agent", Ok(serde_json::json!({})))]);
    rig.ended(run.job.id).await;
}
