//! Rules of labels: what is ours, and what is left alone.

use std::time::Duration;

use super::rig::{Rig, refused, works};
use super::subject::Subject;
use crate::error::ErrorKind;
use crate::port::{ContainerStatus, ObjectKind, Server};

/// A name that something else has is refused, whatever differs in its labels, and what is there stays as it is.
pub async fn foreign_containers_are_left_alone(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.idle();
    rig.start(&spec).await;
    let before = rig.reaches(&spec.name, ContainerStatus::Running).await;
    let mut others = vec![spec.clone(), spec.clone(), spec.clone(), spec.clone()];
    others[0].labels.generation = 2;
    others[1].labels.spec_hash.push('x');
    others[2].labels.kind = ObjectKind::Job;
    others[3].labels.fleet = rig.other_fleet();
    for other in &others {
        let rule = format!("{:?} is not what is there", other.labels);
        refused(&rule, server.create_container(other).await, ErrorKind::ForeignObject);
    }
    assert_eq!(rig.inspect(&spec.name).await, Some(before), "what is there stays as it is");
    rig.remove(&spec).await;
}

/// Nobody removes what another fleet made.
pub async fn another_fleets_containers_stay(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let spec = rig.idle();
    rig.start(&spec).await;
    let removed = server.remove_container(&spec.name, rig.other_fleet()).await;
    refused("another fleet's container", removed, ErrorKind::ForeignObject);
    let stopped = server.stop_container(&spec.name, rig.other_fleet(), Duration::ZERO).await;
    refused("a stop of another fleet's container", stopped, ErrorKind::ForeignObject);
    rig.reaches(&spec.name, ContainerStatus::Running).await;
    rig.remove(&spec).await;
}

/// A list has the fleet's containers in every state, and none of another fleet.
pub async fn lists_have_every_state_and_no_stranger(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let (created, running, ended, mut stranger) = (rig.idle(), rig.idle(), rig.line("exit 3"), rig.idle());
    stranger.labels.fleet = rig.other_fleet();
    rig.create(&created).await;
    rig.create(&stranger).await;
    rig.start(&running).await;
    rig.start(&ended).await;
    rig.reaches(&ended.name, ContainerStatus::Exited).await;
    let listed = works("list", server.list_containers(subject.fleet).await);
    for (spec, status) in
        [(&created, ContainerStatus::Created), (&running, ContainerStatus::Running), (&ended, ContainerStatus::Exited)]
    {
        let found = listed.iter().find(|state| state.name == spec.name);
        let found = found.unwrap_or_else(|| unreachable!("the list has {status:?} containers"));
        assert_eq!((found.status, found.labels.as_ref()), (status, Some(&spec.labels)), "state and labels are listed");
    }
    assert!(listed.iter().all(|state| state.name != stranger.name), "a stranger is not listed");
    let theirs = works("list", server.list_containers(stranger.labels.fleet).await);
    assert_eq!(theirs.len(), 1, "the other fleet sees its own container alone");
    works("remove", server.remove_container(&stranger.name, stranger.labels.fleet).await);
    works("stop", server.stop_container(&running.name, subject.fleet, Duration::ZERO).await);
    for spec in [created, running, ended] {
        rig.remove(&spec).await;
    }
}

/// Names that could be anything but a name are refused everywhere.
pub async fn names_are_checked(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    for name in ["", "a", "../x", "a/b", "-ab", "a b", "a\nb", "a?b"] {
        let mut spec = rig.idle();
        spec.name = name.to_owned();
        let rule = format!("{name:?} is no name");
        refused(&rule, server.create_container(&spec).await, ErrorKind::Invalid);
        refused(&rule, server.start_container(name, None).await, ErrorKind::Invalid);
        refused(&rule, server.stop_container(name, subject.fleet, Duration::ZERO).await, ErrorKind::Invalid);
        refused(&rule, server.remove_container(name, subject.fleet).await, ErrorKind::Invalid);
        refused(&rule, server.inspect_container(name).await, ErrorKind::Invalid);
    }
}
