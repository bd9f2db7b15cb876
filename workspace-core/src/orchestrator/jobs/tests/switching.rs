//! A workspace that gets another project.

use super::rig::Rig;
use crate::error::ErrorKind;
use crate::id::ServerId;
use crate::model::{Intent, Project, ReservationPart, Status, Workspace};
use crate::orchestrator::{Caller, NewProject, NewWorkspace};

/// A project whose data is on a server, and that no workspace has.
async fn kept_on(rig: &Rig, name: &str, server: &str) -> Project {
    let project = rig.project(name).await;
    let mut new = NewWorkspace { project: Some(project.id), ..NewWorkspace::new("passing", "base") };
    new.spec.placement.server = Some(server.to_owned());
    new.spec.placement.required = true;
    let row = rig.fleet.create_workspace(&rig.me, new, None).await.unwrap();
    rig.settled(row.id, Status::Running).await;
    rig.fleet.delete_workspace(&rig.me, row.id, None).await.unwrap();
    rig.settled(row.id, Status::Deleted).await;
    rig.fleet.project(&rig.me, project.id).await.unwrap()
}

async fn switched(rig: &Rig, row: &Workspace, to: &Project) -> Workspace {
    rig.fleet.switch_project(&rig.me, row.id, to.id).await.unwrap();
    rig.settled(row.id, if row.desired.intent == Intent::Running { Status::Running } else { Status::Stopped }).await
}

/// Containers and networks of workspaces on a server.
async fn objects(rig: &Rig, server: ServerId) -> usize {
    let (server, fleet) = (rig.fleet.core.pool.get(server).unwrap(), rig.fleet.core.fleet);
    let containers = server.list_containers(fleet).await.unwrap().len();
    containers + server.list_networks(fleet).await.unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn a_running_workspace_goes_to_the_data_and_runs_there() {
    let rig = Rig::new().await;
    let second = rig.second_server().await;
    let (here, there) = (kept_on(&rig, "here", "one").await, kept_on(&rig, "there", "two").await);
    let row = rig.running("dev", here.id).await;
    assert_eq!(row.desired.server, Some(rig.server));
    let row = switched(&rig, &row, &there).await;
    assert_eq!((row.desired.project, row.desired.server), (there.id, Some(second)));
    assert_eq!((objects(&rig, rig.server).await, objects(&rig, second).await), (0, 2), "nothing is left behind");
    let holder = row.id.as_uuid();
    assert!(rig.fleet.core.held(rig.server, holder, ReservationPart::Compute).await.unwrap().is_zero());
    assert!(!rig.fleet.core.held(second, holder, ReservationPart::Compute).await.unwrap().is_zero());
    assert!(rig.volumes().await.contains(&format!("vol-{}-g1", here.id)), "the data that it had stays");
    // And back, on foot: stopped it stays stopped.
    let row = rig.stopped(row.id).await;
    let row = switched(&rig, &row, &here).await;
    assert_eq!((row.desired.project, row.desired.server), (here.id, Some(rig.server)));
    rig.fleet.start_workspace(&rig.me, row.id).await.unwrap();
    rig.settled(row.id, Status::Running).await;
}

#[tokio::test(start_paused = true)]
async fn a_project_without_data_begins_where_the_workspace_is() {
    let rig = Rig::new().await;
    let row = rig.running("dev", rig.project("old").await.id).await;
    let new = rig.project("new").await;
    let row = switched(&rig, &row, &new).await;
    let new = rig.fleet.project(&rig.me, new.id).await.unwrap();
    assert_eq!(new.copy.map(|copy| (copy.server, copy.filled)), row.desired.server.map(|server| (server, true)));
    assert!(!rig.fleet.core.held(rig.server, new.id.as_uuid(), ReservationPart::Storage).await.unwrap().is_zero());
}

#[tokio::test(start_paused = true)]
async fn what_stands_against_a_switch_is_told_before_anything_changes() {
    let rig = Rig::new().await;
    let row = rig.running("dev", rig.project("old").await.id).await;
    let taken = rig.project("taken").await;
    rig.running("other", taken.id).await;
    let theirs = NewProject { name: "theirs".to_owned(), ..NewProject::default() };
    let theirs = rig.fleet.create_project(&Caller::owner("they"), theirs, None).await.unwrap();
    for (project, kind) in [(taken.id, ErrorKind::Conflict), (theirs.id, ErrorKind::NotFound)] {
        let error = rig.fleet.switch_project(&rig.me, row.id, project).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
    }
    // An administrator sees it, and it is not this owner's all the same.
    let error = rig.fleet.switch_project(&Caller::admin(), row.id, theirs.id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let after = rig.fleet.workspace(&rig.me, row.id).await.unwrap();
    assert_eq!((after.observed.status, after.revision), (Status::Running, row.revision));
}

#[tokio::test(start_paused = true)]
async fn a_switch_without_room_keeps_the_project_and_says_why() {
    let rig = Rig::new().await;
    rig.second_server().await;
    let (here, there) = (kept_on(&rig, "here", "one").await, kept_on(&rig, "there", "two").await);
    let row = rig.running("dev", here.id).await;
    let mut full = NewWorkspace::new("full", "base");
    full.spec.resources.memory_mib = 4_096;
    full.spec.placement.server = Some("two".to_owned());
    full.spec.placement.required = true;
    let full = rig.fleet.create_workspace(&rig.me, full, None).await.unwrap();
    rig.settled(full.id, Status::Running).await;
    rig.fleet.switch_project(&rig.me, row.id, there.id).await.unwrap();
    let row = rig.settled(row.id, Status::Error).await;
    assert_eq!(row.observed.error.as_ref().map(|error| error.code.as_str()), Some("insufficient_capacity"));
    assert_eq!((row.desired.project, row.desired.server), (here.id, Some(rig.server)));
    rig.fleet.start_workspace(&rig.me, row.id).await.unwrap();
    rig.settled(row.id, Status::Running).await;
}
