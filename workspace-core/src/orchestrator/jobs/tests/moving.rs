//! Workspaces that go to another server.

use std::time::Duration;

use serde_json::json;

use super::rig::Rig;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{JobId, ServerId, WorkspaceId};
use crate::model::{
    Failover, Intent, Job, ReservationPart, Scheduling, SnapshotStatus, Status, SyncStep, Work, Workspace,
};
use crate::orchestrator::{Caller, NewWorkspace};
use crate::port::{JobFilter, PageRequest};

pub(super) const MINUTE: Duration = Duration::from_mins(1);

/// What the jobs of a fleet are to answer.
#[derive(Clone, Copy)]
pub(super) struct Answers {
    pub(super) snapshot: fn() -> Result<serde_json::Value>,
    pub(super) restore: fn() -> Result<serde_json::Value>,
}

pub(super) const GOOD: Answers =
    Answers { snapshot: || Ok(json!({ "files": 3 })), restore: || Ok(json!({ "files": 3 })) };

fn unreachable() -> Result<serde_json::Value> {
    Err(Error::new(ErrorKind::StorageUnreachable, "no answer").hint("see the storage"))
}

async fn jobs(rig: &Rig) -> Vec<Job> {
    rig.fleet.core.store.jobs(&JobFilter::default(), PageRequest::default()).await.unwrap().items
}

/// Lets time go by while the jobs do what they are asked.
pub(super) async fn time(rig: &Rig, how_long: Duration, answers: Answers) {
    let until = tokio::time::Instant::now() + how_long;
    let mut done: Vec<JobId> = Vec::new();
    while tokio::time::Instant::now() < until {
        let there = rig.script.there();
        for job in jobs(rig).await.into_iter().filter(|job| there.contains(&job.id)) {
            if done.contains(&job.id) || job.status.is_finished() {
                continue;
            }
            done.push(job.id);
            let Work::Sync(steps) = &job.work else { continue };
            let answer = match steps[0] {
                SyncStep::Snapshot { .. } => ("snapshot", (answers.snapshot)()),
                _ => ("restore", (answers.restore)()),
            };
            rig.script.does(job.id, &[answer]);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn row(rig: &Rig, id: WorkspaceId) -> Workspace {
    rig.fleet.workspace(&rig.me, id).await.unwrap()
}

async fn kinds(rig: &Rig, id: WorkspaceId) -> Vec<String> {
    let events = rig.fleet.core.store.events(id.as_uuid(), 0, 100).await.unwrap();
    events.into_iter().map(|event| event.kind).collect()
}

pub(super) async fn drain(rig: &Rig, server: ServerId) {
    rig.fleet.drain_server(&Caller::admin(), server).await.unwrap();
}

pub(super) async fn scheduling(rig: &Rig) -> Scheduling {
    rig.fleet.server(&Caller::admin(), rig.server).await.unwrap().record.scheduling
}

#[tokio::test(start_paused = true)]
async fn a_drained_server_is_left_by_what_runs_and_by_what_is_stopped() {
    let rig = Rig::new().await;
    let runs = rig.running("runs", rig.project("a").await.id).await;
    let rests = rig.running("rests", rig.project("b").await.id).await;
    rig.stopped(rests.id).await;
    let second = rig.second_server().await;
    drain(&rig, rig.server).await;
    time(&rig, 5 * MINUTE, GOOD).await;

    let (runs, rests) = (row(&rig, runs.id).await, row(&rig, rests.id).await);
    assert_eq!((runs.desired.server, runs.observed.status), (Some(second), Status::Running));
    assert_eq!((rests.desired.server, rests.observed.status), (Some(second), Status::Stopped));
    for moved in [&runs, &rests] {
        let project = rig.fleet.project(&rig.me, moved.desired.project).await.unwrap();
        let copy = project.copy.unwrap();
        assert_eq!((copy.server, copy.data_generation, copy.filled), (second, 2, true));
        assert!(project.superseded.is_empty() && project.rescues.is_empty());
    }
    assert!(rig.volumes().await.is_empty(), "nothing is left there");
    assert_eq!(scheduling(&rig).await, Scheduling::Cordoned, "it may be removed");
    for part in [ReservationPart::Compute, ReservationPart::Storage] {
        let holders = [runs.id.as_uuid(), rests.id.as_uuid(), runs.desired.project.as_uuid()];
        for holder in holders {
            assert!(rig.fleet.core.held(rig.server, holder, part).await.unwrap().is_zero());
        }
    }
    assert!(kinds(&rig, runs.id).await.contains(&"workspace.moved".to_owned()));
    // And back, at once.
    rig.fleet.uncordon_server(&Caller::admin(), rig.server).await.unwrap();
    drain(&rig, second).await;
    time(&rig, 2 * MINUTE, GOOD).await;
    assert_eq!(row(&rig, runs.id).await.desired.server, Some(rig.server));
    rig.fleet.remove_server(&Caller::admin(), second).await.unwrap();
    rig.fleet.start_workspace(&rig.me, rests.id).await.unwrap();
    rig.settled(rests.id, Status::Running).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_move_stays_as_it_was_and_says_why() {
    let unreadable = || Ok(json!({ "files": 3, "unreadable": 1 }));
    for (answers, within) in [
        (Answers { snapshot: unreachable, ..GOOD }, 20 * MINUTE),
        (Answers { restore: unreachable, ..GOOD }, 20 * MINUTE),
        (Answers { snapshot: unreadable, ..GOOD }, 2 * MINUTE),
    ] {
        let rig = Rig::new().await;
        let project = rig.project("a").await;
        let workspace = rig.running("runs", project.id).await;
        rig.second_server().await;
        drain(&rig, rig.server).await;
        time(&rig, within, answers).await;
        rig.fleet.uncordon_server(&Caller::admin(), rig.server).await.unwrap();
        time(&rig, 10 * MINUTE, answers).await;

        let row = row(&rig, workspace.id).await;
        assert_eq!((row.desired.server, row.observed.status), (Some(rig.server), Status::Running));
        let kinds = kinds(&rig, row.id).await;
        assert!(kinds.contains(&"workspace.move_failed".to_owned()), "{kinds:?}");
        assert!(rig.volumes().await.contains(&format!("vol-{}-g1", project.id)));
        assert!(!rig.fleet.core.held(rig.server, row.id.as_uuid(), ReservationPart::Compute).await.unwrap().is_zero());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_stopped_for_a_drain_that_has_nowhere_to_go() {
    let rig = Rig::new().await;
    let workspace = rig.running("runs", rig.project("a").await.id).await;
    drain(&rig, rig.server).await;
    time(&rig, 10 * MINUTE, GOOD).await;
    let row = row(&rig, workspace.id).await;
    assert_eq!((row.observed.status, row.observed.generation), (Status::Running, 1));
    let events = rig.fleet.core.store.events(rig.server.as_uuid(), 0, 100).await.unwrap();
    let waits = events.iter().find(|event| event.kind == "server.drain_waits").expect("it is told");
    assert_eq!(waits.data["name"], "runs");
    assert_eq!(scheduling(&rig).await, Scheduling::Draining);
}

#[tokio::test(start_paused = true)]
async fn the_largest_leaves_first_while_there_is_room_for_it() {
    let rig = Rig::new().await;
    let mut rows = Vec::new();
    for (name, cpu_millis) in [("small", 400), ("middle", 600), ("large", 3_000)] {
        let mut new = NewWorkspace { project: Some(rig.project(name).await.id), ..NewWorkspace::new(name, "base") };
        new.spec.resources.cpu_millis = cpu_millis;
        let row = rig.fleet.create_workspace(&rig.me, new, None).await.unwrap();
        rows.push(rig.settled(row.id, Status::Running).await.id);
    }
    let second = rig.second_server().await;
    // Only 3,500 of 4,000 are left there.
    let mut new = NewWorkspace { project: Some(rig.project("there").await.id), ..NewWorkspace::new("there", "base") };
    new.spec.resources.cpu_millis = 500;
    new.spec.placement.server = Some("two".to_owned());
    new.spec.placement.required = true;
    let there = rig.fleet.create_workspace(&rig.me, new, None).await.unwrap();
    rig.settled(there.id, Status::Running).await;
    drain(&rig, rig.server).await;
    time(&rig, 10 * MINUTE, GOOD).await;
    let mut servers = Vec::new();
    for id in rows {
        servers.push(row(&rig, id).await.desired.server.unwrap());
    }
    assert_eq!(servers, [second, rig.server, second], "the middle one waits, and not the large one");
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_an_agent_and_a_cordon_ends_it() {
    let rig = Rig::new().await;
    let project = rig.project("a").await;
    let workspace = rig.running("runs", project.id).await;
    rig.second_server().await;
    let wish = crate::orchestrator::RestoreRequest::default();
    rig.snapshot(project.id).await;
    // A merge writes into the data, as an agent does.
    let merge = crate::orchestrator::RestoreRequest { mode: crate::orchestrator::RestoreMode::Merge, ..wish };
    let job = rig.fleet.restore_project(&rig.me, project.id, merge).await.unwrap();
    rig.script.started(job.id).await;
    rig.script.accepts(job.id);
    drain(&rig, rig.server).await;
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(row(&rig, workspace.id).await.observed.status, Status::Running, "nobody cuts the job");
    rig.fleet.cordon_server(&Caller::admin(), rig.server).await.unwrap();
    time(&rig, 10 * MINUTE, GOOD).await;
    let row = row(&rig, workspace.id).await;
    assert_eq!((row.desired.server, row.observed.generation), (Some(rig.server), 1));
}

async fn with_failover(rig: &Rig) -> Workspace {
    let project = rig.project("a").await;
    let mut new = NewWorkspace { project: Some(project.id), ..NewWorkspace::new("vital", "base") };
    new.spec.failover = Failover::Auto;
    let row = rig.fleet.create_workspace(&rig.me, new, None).await.unwrap();
    rig.settled(row.id, Status::Running).await
}

#[tokio::test(start_paused = true)]
async fn a_lost_workspace_goes_on_elsewhere_and_what_it_left_is_rescued() {
    let rig = Rig::new().await;
    let workspace = with_failover(&rig).await;
    let project = workspace.desired.project;
    let first = rig.snapshot(project).await;
    let second = rig.second_server().await;
    rig.world.hang("one", 20 * MINUTE);
    time(&rig, 10 * MINUTE, GOOD).await;
    let moved = row(&rig, workspace.id).await;
    assert_eq!((moved.desired.server, moved.observed.status), (Some(second), Status::Running));
    let kept = rig.fleet.project(&rig.me, project).await.unwrap().rescues;
    assert_eq!((kept.len(), kept[0].copy.server), (1, rig.server), "what was written since is not given up");

    time(&rig, 20 * MINUTE, GOOD).await;
    let after = rig.fleet.project(&rig.me, project).await.unwrap();
    assert!(after.rescues.is_empty() && after.superseded.is_empty());
    assert!(rig.volumes().await.is_empty(), "the copy goes when a snapshot has it");
    let all = rig.fleet.snapshots(&rig.me, Some(project), PageRequest::default()).await.unwrap().items;
    let rescued = all.iter().find(|snapshot| snapshot.id != first.id).expect("a snapshot of the former data");
    assert_eq!((rescued.status, rescued.data_generation), (SnapshotStatus::Ready, 1));
    let running = rig.world.running();
    assert_eq!(running.len(), 1, "one container runs: {running:?}");
    assert_eq!(row(&rig, workspace.id).await.observed.status, Status::Running);
}

#[tokio::test(start_paused = true)]
async fn what_a_deleted_workspace_left_is_not_read_while_its_container_runs_on() {
    let rig = Rig::new().await;
    let workspace = with_failover(&rig).await;
    let project = workspace.desired.project;
    rig.snapshot(project).await;
    rig.second_server().await;
    rig.world.hang("one", 20 * MINUTE);
    time(&rig, 10 * MINUTE, GOOD).await;
    let left = async || rig.fleet.project(&rig.me, project).await.unwrap().rescues;
    let kept = left().await.remove(0);
    rig.fleet.delete_workspace(&rig.me, workspace.id, None).await.unwrap();
    rig.settled(workspace.id, Status::Deleted).await;
    assert_eq!(rig.world.running().len(), 1, "it runs on the lost server");
    let held = async || rig.fleet.core.held(rig.server, kept.holder, ReservationPart::Compute).await.unwrap();
    while !rig.world.running().is_empty() {
        assert_eq!(left().await[0].snapshot, None, "it may be written to");
        assert_eq!(held().await, workspace.desired.claimed.resources.without_disk());
        time(&rig, Duration::from_secs(1), GOOD).await;
    }
    time(&rig, 10 * MINUTE, GOOD).await;
    assert!(left().await.is_empty() && held().await.is_zero() && rig.volumes().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_on_its_way_holds_its_place_until_its_container_is_gone() {
    let rig = Rig::new().await;
    let workspace = with_failover(&rig).await;
    rig.snapshot(workspace.desired.project).await;
    let second = rig.second_server().await;
    rig.world.hang("one", 20 * MINUTE);
    let job = loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let way = row(&rig, workspace.id).await.desired.switch.and_then(|switch| switch.way());
        if let Some(job) = way.and_then(|way| way.job) {
            break job;
        }
    };
    let holder = workspace.id.as_uuid();
    let held = async |server, holder| rig.fleet.core.held(server, holder, ReservationPart::Compute).await.unwrap();
    let place = workspace.desired.claimed.resources.without_disk();
    assert_eq!((held(rig.server, job.as_uuid()).await, held(second, holder).await), (place, place));
    rig.fleet.delete_workspace(&rig.me, workspace.id, None).await.unwrap();
    assert_eq!(held(rig.server, holder).await, place, "the container may run there");
    assert!(held(second, holder).await.is_zero() && held(rig.server, job.as_uuid()).await.is_zero());

    time(&rig, 30 * MINUTE, GOOD).await;
    rig.settled(workspace.id, Status::Deleted).await;
    assert!(held(rig.server, holder).await.is_zero() && rig.world.running().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_stopped_on_a_way_that_is_given_up_holds_its_place_until_its_container_has_ended() {
    for has_elsewhere in [false, true] {
        let rig = Rig::new().await;
        let workspace = with_failover(&rig).await;
        rig.snapshot(workspace.desired.project).await;
        let second = if has_elsewhere { Some(rig.second_server().await) } else { None };
        rig.world.hang("one", 30 * MINUTE);
        let leaves = async || row(&rig, workspace.id).await.desired.switch.is_some();
        while !leaves().await {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        rig.fleet.stop_workspace(&rig.me, workspace.id).await.unwrap();
        while leaves().await {
            time(&rig, Duration::from_secs(1), Answers { restore: unreachable, ..GOOD }).await;
        }
        let holder = workspace.id.as_uuid();
        let held = async |server| rig.fleet.core.held(server, holder, ReservationPart::Compute).await.unwrap();
        assert_eq!(held(rig.server).await, workspace.desired.claimed.resources.without_disk(), "it may run there");
        if let Some(second) = second {
            assert!(held(second).await.is_zero(), "it does not go there");
        }

        time(&rig, 40 * MINUTE, GOOD).await;
        let stopped = row(&rig, workspace.id).await;
        assert_eq!((stopped.desired.server, stopped.observed.status), (Some(rig.server), Status::Stopped));
        assert!(held(rig.server).await.is_zero() && rig.world.running().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_workspace_that_found_no_place_stays_with_its_server_when_that_is_back() {
    let rig = Rig::new().await;
    let workspace = with_failover(&rig).await;
    rig.snapshot(workspace.desired.project).await;
    rig.world.hang("one", 4 * MINUTE);
    time(&rig, 4 * MINUTE, GOOD).await;
    assert!(row(&rig, workspace.id).await.desired.switch.is_some(), "it looks for another server");
    time(&rig, MINUTE, GOOD).await;
    let found = row(&rig, workspace.id).await;
    assert_eq!((found.observed.status, found.observed.generation), (Status::Running, 1));
    assert_eq!((found.desired.switch, found.observed.waiting), (None, None));
}

#[tokio::test(start_paused = true)]
async fn without_a_snapshot_a_lost_workspace_waits_and_is_found_again() {
    let rig = Rig::new().await;
    let workspace = with_failover(&rig).await;
    rig.second_server().await;
    rig.world.hang("one", 10 * MINUTE);
    time(&rig, 8 * MINUTE, GOOD).await;
    let lost = row(&rig, workspace.id).await;
    assert_eq!((lost.desired.intent, lost.observed.status), (Intent::Running, Status::Lost));
    assert_eq!(lost.observed.waiting.map(|problem| problem.code).as_deref(), Some("no_snapshot"));
    time(&rig, 10 * MINUTE, GOOD).await;
    let found = row(&rig, workspace.id).await;
    assert_eq!((found.observed.status, found.observed.generation), (Status::Running, 1));
    assert_eq!(found.observed.waiting, None);
}
