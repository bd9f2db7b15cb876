//! Rules of networks.

use super::rig::{Rig, refused, works};
use super::subject::Subject;
use crate::error::ErrorKind;
use crate::port::{Created, NetworkSummary, Server};

/// The numbers of the networks that rules make: at the end of the range, where no workspace is yet.
const SLOTS: [u32; 2] = [4_000, 4_001];

/// A network is made once, adopted, listed, holds a container, and is removed.
pub async fn networks_are_made_once_and_removed(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let network = rig.network(SLOTS[0]);
    assert_eq!(works("create network", server.create_network(&network).await), Created::New, "it is made");
    assert_eq!(works("create network", server.create_network(&network).await), Created::Adopted, "it is adopted");
    let listed = works("list networks", server.list_networks(subject.fleet).await);
    let summary = NetworkSummary { name: network.name.clone(), labels: Some(network.labels.clone()) };
    assert!(listed.contains(&summary), "it is listed with its labels: {listed:?}");
    let mut spec = rig.idle();
    spec.network = Some(network.name.clone());
    rig.start(&spec).await;
    rig.remove(&spec).await;
    works("remove network", server.remove_network(&network.name, subject.fleet).await);
    works("remove network again", server.remove_network(&network.name, subject.fleet).await);
    let listed = works("list networks", server.list_networks(subject.fleet).await);
    assert!(!listed.contains(&summary), "a removed network is not listed");
}

/// A name that something else has is refused, and nobody removes what another fleet made.
pub async fn another_fleets_networks_stay(server: &dyn Server, subject: &Subject) {
    let rig = Rig::new(server, subject);
    let network = rig.network(SLOTS[1]);
    works("create network", server.create_network(&network).await);
    let mut other = network.clone();
    other.labels = rig.network(SLOTS[1]).labels;
    refused("other labels", server.create_network(&other).await, ErrorKind::ForeignObject);
    let removed = server.remove_network(&network.name, rig.other_fleet()).await;
    refused("another fleet's network", removed, ErrorKind::ForeignObject);
    let theirs = works("list networks", server.list_networks(rig.other_fleet()).await);
    assert_eq!(theirs, [], "another fleet does not see it");
    works("remove network", server.remove_network(&network.name, subject.fleet).await);
}
