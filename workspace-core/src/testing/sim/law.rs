//! What no server may ever see, whoever asks for it.

use std::collections::BTreeMap;

use crate::port::ObjectKind;
use crate::resources::Resources;
use crate::testing::sim::foreign::is_foreign;
use crate::testing::sim::machine::{Container, Machine, read};

/// What is broken on a server at this moment.
///
/// A program that was started by a request whose caller had given up counts for no capacity until somebody asks for it
/// again: nobody can take such a request back. It counts for everything else, and must be gone in the end.
pub(super) fn broken(machine: &Machine) -> Vec<String> {
    let mut broken = Vec::new();
    let ours = |container: &&Container| container.is_running() && !container.is_foreign();
    let running = || machine.containers.values().filter(ours);
    // Data jobs have places of their own, apart from what is reserved.
    let counted = |container: &&Container| !container.ghost && kind(container) != Some(ObjectKind::Job);
    let used = running().filter(counted).fold(Resources::default(), |sum, container| {
        let spec = &container.spec;
        let one = Resources { cpu_millis: spec.cpu_millis, memory_mib: spec.memory_mib, ..Resources::default() };
        sum.plus(one)
    });
    if let Some(dimension) = used.first_over(&machine.totals) {
        let (used, has) = (used.get(dimension), machine.totals.get(dimension));
        broken.push(format!("I1 running containers use {used} of {has} {dimension}: {}", names(running())));
    }
    let mut workspaces: BTreeMap<_, Vec<&Container>> = BTreeMap::new();
    let mut volumes: BTreeMap<&str, Vec<&Container>> = BTreeMap::new();
    for container in running() {
        if let Some(labels) = read(&container.labels) {
            workspaces.entry((labels.kind, labels.subject)).or_default().push(container);
        }
        for mount in container.spec.mounts.iter().filter(|mount| !mount.read_only) {
            // Of jobs that write there is one at a time: `worker.rs` sees to that.
            if kind(container) != Some(ObjectKind::Job) {
                volumes.entry(&mount.volume).or_default().push(container);
            }
            let half = machine.volumes.get(&mount.volume).is_some_and(|volume| volume.half);
            if half && kind(container) == Some(ObjectKind::Workspace) {
                broken.push(format!("I11 {} runs on data that is not whole", container.spec.name));
            }
        }
    }
    for many in workspaces.into_values().filter(|all| all.len() > 1) {
        broken.push(format!("I3 two containers of one workspace run: {}", names(many.into_iter())));
    }
    for (volume, many) in volumes.into_iter().filter(|(_, all)| all.len() > 1) {
        broken.push(format!("I3 two running containers write volume {volume}: {}", names(many.into_iter())));
    }
    broken.extend(touched(machine));
    broken
}

/// What of ours works with something that is somebody else's, and what somebody else misses.
fn touched(machine: &Machine) -> Vec<String> {
    let mut broken = Vec::new();
    let foreign =
        |labels: Option<&BTreeMap<String, String>>| labels.and_then(read).is_some_and(|labels| is_foreign(&labels));
    // Nobody can take back a request that is carried out late; what it made uses nothing until it runs.
    let ours = |container: &&Container| container.is_running() || !container.ghost;
    for container in machine.containers.values().filter(ours) {
        let (name, network) = (&container.spec.name, container.spec.network.as_ref());
        // One that does not run has none: it is looked for by its name when it starts.
        let network = network.filter(|_| container.is_running()).and_then(|name| machine.networks.get(name));
        let network = network.map(|network| &network.labels);
        let volumes = container.spec.mounts.iter().filter_map(|mount| machine.volumes.get(&mount.volume));
        if volumes.map(|volume| &volume.labels).chain(network).any(|labels| foreign(Some(labels))) {
            broken.push(format!("I9 {name} has a volume or a network that is not ours"));
        }
    }
    broken.extend(machine.missed().map(|name| format!("I9 {name} is somebody else's and was touched")));
    broken
}

fn kind(container: &Container) -> Option<ObjectKind> {
    read(&container.labels).map(|labels| labels.kind)
}

fn names<'a>(containers: impl Iterator<Item = &'a Container>) -> String {
    let name = |container: &Container| {
        let ghost = if container.ghost { " (given up)" } else { "" };
        format!("{}{ghost}", container.spec.name)
    };
    containers.map(name).collect::<Vec<_>>().join(", ")
}
