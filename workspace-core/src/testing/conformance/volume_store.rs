//! The suite of [`VolumeStore`]: one function per rule.
//!
//! That a volume is not removed while a container has it, and that its files outlive containers, is in
//! [`super::server::channels`].
#![expect(
    clippy::missing_panics_doc,
    reason = "a rule that does not hold ends the test that runs it, and each says so in its first sentence"
)]

use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Result};
use crate::id::FleetId;
use crate::port::{Created, ObjectKind, ObjectLabels, VolumeSpec, VolumeStore, VolumeSummary};

/// Runs every rule with volumes of this fleet, which nobody else may use.
pub async fn run_all(volumes: &dyn VolumeStore, fleet: FleetId) {
    volumes_are_made_once_and_removed(volumes, fleet).await;
    foreign_volumes_are_left_alone(volumes, fleet).await;
    lists_have_no_stranger(volumes, fleet).await;
    usage_is_told(volumes, fleet).await;
    names_are_checked(volumes, fleet).await;
}

fn works<T>(what: &str, result: Result<T>) -> T {
    result.unwrap_or_else(|error| unreachable!("{what} works: {} ({})", error.chain(), error.kind()))
}

fn refused<T>(rule: &str, result: Result<T>, expected: ErrorKind) -> Error {
    let error = result.err().unwrap_or_else(|| unreachable!("{rule}: it is refused"));
    assert_eq!(error.kind(), expected, "{rule}: {}", error.chain());
    error
}

fn volume(fleet: FleetId) -> VolumeSpec {
    let subject = Environment::system().uuid();
    let labels = ObjectLabels { fleet, kind: ObjectKind::Project, subject, generation: 1, spec_hash: String::new() };
    VolumeSpec { name: format!("vol-{subject}-g1"), labels }
}

fn other_fleet() -> FleetId {
    FleetId::from_uuid(Environment::system().uuid())
}

/// A volume is made once, adopted by who makes it again, and removed; a missing one is removed already.
pub async fn volumes_are_made_once_and_removed(volumes: &dyn VolumeStore, fleet: FleetId) {
    let spec = volume(fleet);
    works("remove a missing one", volumes.remove_volume(&spec.name, fleet).await);
    assert_eq!(works("inspect", volumes.inspect_volume(&spec.name).await), None, "what was not made is not there");
    assert_eq!(works("create", volumes.create_volume(&spec).await), Created::New, "it is made");
    assert_eq!(works("create again", volumes.create_volume(&spec).await), Created::Adopted, "it is adopted");
    let summary = VolumeSummary { name: spec.name.clone(), labels: Some(spec.labels.clone()) };
    assert_eq!(works("inspect", volumes.inspect_volume(&spec.name).await), Some(summary), "it carries its labels");
    works("remove", volumes.remove_volume(&spec.name, fleet).await);
    assert_eq!(works("inspect", volumes.inspect_volume(&spec.name).await), None, "a removed volume is gone");
    works("remove again", volumes.remove_volume(&spec.name, fleet).await);
    assert_eq!(works("create anew", volumes.create_volume(&spec).await), Created::New, "its name is free again");
    works("remove", volumes.remove_volume(&spec.name, fleet).await);
}

/// A name that something else has is refused, and nobody removes what another fleet made.
pub async fn foreign_volumes_are_left_alone(volumes: &dyn VolumeStore, fleet: FleetId) {
    let spec = volume(fleet);
    works("create", volumes.create_volume(&spec).await);
    let mut others = [spec.clone(), spec.clone(), spec.clone()];
    others[0].labels.generation = 2;
    others[1].labels.subject = Environment::system().uuid();
    others[2].labels.fleet = other_fleet();
    for other in &others {
        let rule = format!("{:?} is not what is there", other.labels);
        refused(&rule, volumes.create_volume(other).await, ErrorKind::ForeignObject);
    }
    let removed = volumes.remove_volume(&spec.name, other_fleet()).await;
    refused("another fleet's volume", removed, ErrorKind::ForeignObject);
    let there = works("inspect", volumes.inspect_volume(&spec.name).await);
    assert_eq!(there.and_then(|summary| summary.labels), Some(spec.labels), "what is there stays as it is");
    works("remove", volumes.remove_volume(&spec.name, fleet).await);
}

/// A list has the fleet's volumes and none of another fleet.
pub async fn lists_have_no_stranger(volumes: &dyn VolumeStore, fleet: FleetId) {
    let (ours, theirs) = (volume(fleet), volume(other_fleet()));
    works("create", volumes.create_volume(&ours).await);
    works("create", volumes.create_volume(&theirs).await);
    let listed = works("list", volumes.list_volumes(fleet).await);
    let summary = |spec: &VolumeSpec| VolumeSummary { name: spec.name.clone(), labels: Some(spec.labels.clone()) };
    assert!(listed.contains(&summary(&ours)), "our volume is listed");
    assert!(!listed.contains(&summary(&theirs)), "another fleet's volume is not");
    let listed = works("list", volumes.list_volumes(theirs.labels.fleet).await);
    assert_eq!(listed, [summary(&theirs)], "the other fleet sees its own alone");
    works("remove", volumes.remove_volume(&ours.name, fleet).await);
    works("remove", volumes.remove_volume(&theirs.name, theirs.labels.fleet).await);
}

/// What an empty volume holds is next to nothing, and it is known as empty; a missing one is told as such.
pub async fn usage_is_told(volumes: &dyn VolumeStore, fleet: FleetId) {
    let spec = volume(fleet);
    refused("no volume", volumes.volume_usage(&spec.name).await, ErrorKind::NotFound);
    refused("no volume", volumes.volume_is_empty(&spec.name).await, ErrorKind::NotFound);
    works("create", volumes.create_volume(&spec).await);
    let bytes = works("usage", volumes.volume_usage(&spec.name).await);
    assert!(bytes < 1 << 20, "an empty volume holds next to nothing: {bytes}");
    assert!(works("is empty", volumes.volume_is_empty(&spec.name).await), "there is nothing in a new volume");
    works("remove", volumes.remove_volume(&spec.name, fleet).await);
}

/// Names that could be anything but a name are refused everywhere.
pub async fn names_are_checked(volumes: &dyn VolumeStore, fleet: FleetId) {
    for name in ["", "a", "../x", "a/b", "-ab", "a b"] {
        let mut spec = volume(fleet);
        spec.name = name.to_owned();
        let rule = format!("{name:?} is no name");
        refused(&rule, volumes.create_volume(&spec).await, ErrorKind::Invalid);
        refused(&rule, volumes.inspect_volume(name).await, ErrorKind::Invalid);
        refused(&rule, volumes.remove_volume(name, fleet).await, ErrorKind::Invalid);
        refused(&rule, volumes.volume_usage(name).await, ErrorKind::Invalid);
        refused(&rule, volumes.volume_is_empty(name).await, ErrorKind::Invalid);
    }
}
