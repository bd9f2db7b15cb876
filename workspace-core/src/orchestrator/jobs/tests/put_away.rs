//! Projects without a workspace on a server that is to be emptied.

use std::time::Duration;

use serde_json::json;

use super::moving::{Answers, GOOD, MINUTE, drain, scheduling, time};
use super::rig::Rig;
use crate::model::{Project, ReservationPart, Scheduling, SnapshotStatus, Status};
use crate::orchestrator::Caller;
use crate::port::PageRequest;

/// A project with data and without a workspace.
async fn idle(rig: &Rig) -> Project {
    let project = rig.project("idle").await;
    let row = rig.running("for-a-while", project.id).await;
    rig.fleet.delete_workspace(&rig.me, row.id, None).await.unwrap();
    rig.settled(row.id, Status::Deleted).await;
    let project = rig.fleet.project(&rig.me, project.id).await.unwrap();
    assert!(project.copy.as_ref().is_some_and(|copy| copy.filled), "{project:?}");
    project
}

#[tokio::test(start_paused = true)]
async fn what_nobody_uses_is_put_away_and_comes_back_where_it_is_used() {
    let rig = Rig::new().await;
    let project = idle(&rig).await;
    let second = rig.second_server().await;
    drain(&rig, rig.server).await;
    time(&rig, 5 * MINUTE, GOOD).await;

    let away = rig.fleet.project(&rig.me, project.id).await.unwrap();
    assert_eq!((&away.copy, &away.superseded, away.put_away), (&None, &Vec::new(), 1));
    let snapshot = rig.fleet.snapshot(&rig.me, away.seed.unwrap()).await.unwrap();
    assert_eq!((snapshot.status, snapshot.data_generation), (SnapshotStatus::Ready, 1));
    assert!(rig.volumes().await.is_empty(), "nothing is left there");
    assert!(rig.fleet.core.held(rig.server, project.id.as_uuid(), ReservationPart::Storage).await.unwrap().is_zero());
    assert_eq!(scheduling(&rig).await, Scheduling::Cordoned);
    rig.fleet.remove_server(&Caller::admin(), rig.server).await.unwrap();
    let refused = rig.fleet.delete_snapshot(&rig.me, snapshot.id).await.unwrap_err();
    assert_eq!(refused.kind(), crate::error::ErrorKind::Conflict, "it has all of the data: {refused}");

    let new = crate::orchestrator::NewWorkspace {
        project: Some(project.id),
        ..crate::orchestrator::NewWorkspace::new("again", "base")
    };
    let row = rig.fleet.create_workspace(&rig.me, new, None).await.unwrap();
    time(&rig, MINUTE, GOOD).await;
    let row = rig.settled(row.id, Status::Running).await;
    assert_eq!(row.desired.server, Some(second));
    let back = rig.fleet.project(&rig.me, project.id).await.unwrap().copy.unwrap();
    assert_eq!((back.server, back.data_generation, back.filled), (second, 2, true), "its number is not used again");
}

#[tokio::test(start_paused = true)]
async fn what_is_used_meanwhile_is_not_put_away_as_it_was() {
    let rig = Rig::new().await;
    let project = idle(&rig).await;
    rig.second_server().await;
    drain(&rig, rig.server).await;
    // The snapshot is under way.
    while rig.fleet.project(&rig.me, project.id).await.unwrap().leaving.is_none() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let row = rig.running("came-back", project.id).await;
    time(&rig, 10 * MINUTE, GOOD).await;
    let after = rig.fleet.project(&rig.me, project.id).await.unwrap();
    assert_eq!(after.put_away, 0, "it moved with its workspace");
    let snapshots = rig.fleet.snapshots(&rig.me, Some(project.id), PageRequest::default()).await.unwrap().items;
    assert_eq!(snapshots.len(), 2, "and with a snapshot that was begun after that was stopped");
    assert_eq!(rig.fleet.workspace(&rig.me, row.id).await.unwrap().observed.status, Status::Running);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_stays_and_is_told_every_five_minutes() {
    let unreadable = || Ok(json!({ "files": 3, "unreadable": 1 }));
    let rig = Rig::new().await;
    let project = idle(&rig).await;
    rig.second_server().await;
    drain(&rig, rig.server).await;
    time(&rig, 12 * MINUTE, Answers { snapshot: unreadable, ..GOOD }).await;
    let events = rig.fleet.core.store.events(rig.server.as_uuid(), 0, 100).await.unwrap();
    let told: Vec<_> = events.iter().filter(|event| event.kind == "server.drain_waits").collect();
    assert!((2..=3).contains(&told.len()), "{told:?}");
    assert_eq!(told[0].data["project"], json!(project.id));
    assert!(told[0].data["hint"].as_str().unwrap().contains("readable"), "{told:?}");
    assert_eq!(scheduling(&rig).await, Scheduling::Draining);
    assert_eq!(rig.volumes().await, [format!("vol-{}-g1", project.id)]);

    time(&rig, 10 * MINUTE, GOOD).await;
    assert_eq!(scheduling(&rig).await, Scheduling::Cordoned, "once they can be read it goes on");
}
