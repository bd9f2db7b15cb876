//! What somebody else has on a server under a name that we want.

use uuid::Uuid;

use crate::id::FleetId;
use crate::port::{ContainerSpec, ContainerStatus, ImageRef, NetworkSpec, ObjectKind, ObjectLabels, VolumeSpec};
use crate::testing::sim::PortCall;
use crate::testing::sim::machine::Machine;

/// Numbers of networks that no fleet of a run gives.
const SLOTS: u32 = 10_000;

/// The fleet of somebody else, say one whose database began as a copy of ours.
pub(super) const FLEET: FleetId = FleetId::from_uuid(Uuid::from_u128(0xF0));

/// Whether an object with these labels is somebody else's.
pub(super) fn is_foreign(labels: &ObjectLabels) -> bool {
    labels.fleet == FLEET
}

impl Machine {
    /// Puts something there that is not ours, where a call is about to make something; false where there is something
    /// already, or nothing is made.
    pub(super) fn take_name(&mut self, call: PortCall, name: &str, image: &ImageRef) -> bool {
        let labels = ObjectLabels {
            fleet: FLEET,
            kind: ObjectKind::Workspace,
            subject: Uuid::nil(),
            generation: 1,
            spec_hash: String::new(),
        };
        if self.containers.contains_key(name) || self.has_network_or_volume(name) {
            return false;
        }
        let made = match call {
            PortCall::CreateVolume => self.create_volume(&VolumeSpec { name: name.to_owned(), labels }),
            PortCall::CreateNetwork => {
                let slot = SLOTS + u32::try_from(self.networks.len()).unwrap_or(0);
                self.create_network(&NetworkSpec { name: name.to_owned(), slot, labels })
            }
            PortCall::CreateContainer => self.create_container(&spec(name, image, labels)),
            _ => return false,
        };
        if let Some(container) = self.containers.get_mut(name) {
            container.status = ContainerStatus::Running;
        }
        self.foreign.extend(made.is_ok().then(|| name.to_owned()));
        made.is_ok()
    }

    /// What somebody else misses, or finds stopped.
    pub(super) fn missed(&self) -> impl Iterator<Item = &String> {
        self.foreign.iter().filter(|&name| {
            let stopped = self.containers.get(name).is_some_and(|container| !container.is_running());
            stopped || !(self.containers.contains_key(name) || self.has_network_or_volume(name))
        })
    }

    fn has_network_or_volume(&self, name: &str) -> bool {
        self.networks.contains_key(name) || self.volumes.contains_key(name)
    }
}

fn spec(name: &str, image: &ImageRef, labels: ObjectLabels) -> ContainerSpec {
    ContainerSpec::new(name, image.clone(), labels)
}
