//! What is on a simulated server, and how a Docker Engine would answer: no faults, no time, no waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use bytes::Bytes;
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::FleetId;
use crate::port::{
    ContainerSpec, ContainerState, ContainerStatus, Created, LogChunk, NetworkSpec, NetworkSummary, ObjectLabels,
    OutputStream, VolumeSpec, VolumeSummary,
};
use crate::resources::Resources;
use crate::testing::sim::foreign::is_foreign;
use crate::testing::sim::program::Program;
use crate::testing::sim::tree::Tree;

/// One simulated server.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) totals: Resources,
    /// What it has.
    pub(super) images: BTreeSet<String>,
    /// What its registry has.
    pub(super) registry: BTreeSet<String>,
    pub(super) containers: BTreeMap<String, Container>,
    pub(super) networks: BTreeMap<String, Network>,
    pub(super) volumes: BTreeMap<String, Volume>,
    /// Whether it is on.
    pub(super) up: bool,
    /// Grows with each return from a crash: what was under way before is lost.
    pub(super) boot: u64,
    /// Until when it stands still.
    pub(super) hung_until: Option<Instant>,
    /// Whether what needs room on its disk is refused.
    pub(super) disk_full: bool,
    /// How far its clock is ahead.
    pub(super) ahead_micros: i64,
    next_port: u16,
    /// How many containers it has made.
    born: u64,
    /// How many programs it has started: a container made anew under the same name runs another one.
    started: u64,
    /// The names of what is there and is somebody else's.
    pub(super) foreign: BTreeSet<String>,
    /// Volumes with data that were left without a row.
    pub(super) strays: BTreeMap<String, ObjectLabels>,
    /// How often programs of a generation of a subject ended by themselves, or with the server, and how often of them
    /// for their memory.
    pub(super) ends: BTreeMap<(Uuid, u64), (u64, u64)>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) exit_code: i64,
    pub(super) out_of_memory: bool,
}

impl End {
    pub(super) const fn exited(exit_code: i64) -> Self {
        Self { exit_code, out_of_memory: false }
    }
}

/// A container and its program.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) spec: ContainerSpec,
    pub(super) labels: BTreeMap<String, String>,
    /// Tells it from others that had its name.
    pub(super) born: u64,
    pub(super) status: ContainerStatus,
    exit_code: Option<i64>,
    out_of_memory: bool,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    ports: BTreeMap<u16, SocketAddr>,
    pub(super) log: Vec<LogChunk>,
    /// Grows with each start.
    pub(super) run: u64,
    /// Made or started by a request whose caller had given up, and not asked for since.
    pub(super) ghost: bool,
    /// Its own files, where no volume is mounted.
    pub(super) own: Tree,
}

#[derive(Debug)]
pub(super) struct Network {
    slot: u32,
    pub(super) labels: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
pub(super) struct Volume {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) tree: Tree,
    /// Whether a job began to fill it, and did not come to the end.
    pub(super) half: bool,
    /// Whether a job filled it.
    pub(super) filled: bool,
    /// The container and the run of the job that last began to write it.
    pub(super) writer: Option<(String, u64)>,
}

impl Machine {
    pub(super) fn new(totals: Resources, images: &[&str], registry: &[&str]) -> Self {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            totals,
            images: set(images),
            registry: set(registry),
            containers: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            up: true,
            boot: 1,
            hung_until: None,
            disk_full: false,
            ahead_micros: 0,
            next_port: 40_000,
            born: 0,
            started: 0,
            foreign: BTreeSet::new(),
            strays: BTreeMap::new(),
            ends: BTreeMap::new(),
        }
    }

    /// A missing volume is made in passing, without labels, as an Engine does.
    pub(super) fn create_container(&mut self, spec: &ContainerSpec) -> Result<Created> {
        if let Some(known) = self.containers.get(&spec.name) {
            return adopt("container", &spec.name, &known.labels, &spec.labels);
        }
        if !self.images.contains(spec.image.as_str()) {
            return Err(Error::new(ErrorKind::ImageNotFound, format!("no such image: {}", spec.image))
                .hint("check the image's name, or load it on the server"));
        }
        // An Engine looks for the image first.
        if self.disk_full {
            return Err(no_space());
        }
        if spec.cpu_millis > self.totals.cpu_millis {
            return Err(Error::invalid("resources.cpu_millis", "more cores than the server has"));
        }
        for mount in &spec.mounts {
            self.volumes.entry(mount.volume.clone()).or_default();
        }
        let ports = spec.ports.iter().map(|&port| (port, self.publish())).collect();
        self.born += 1;
        let container = Container {
            born: self.born,
            labels: spec.labels.to_map(),
            spec: spec.clone(),
            status: ContainerStatus::Created,
            exit_code: None,
            out_of_memory: false,
            started_at: None,
            finished_at: None,
            ports,
            log: Vec::new(),
            run: 0,
            ghost: false,
            own: Tree::default(),
        };
        self.containers.insert(spec.name.clone(), container);
        Ok(Created::New)
    }

    fn publish(&mut self) -> SocketAddr {
        self.next_port = self.next_port.checked_add(1).unwrap_or(40_000);
        SocketAddr::from(([10, 255, 0, 1], self.next_port))
    }

    /// A moment by its own clock.
    pub(super) fn clock(&self, at: Timestamp) -> Timestamp {
        Timestamp::from_micros(at.as_micros().saturating_add(self.ahead_micros))
    }

    /// Starts a container's program; `None` when it runs already. `born` says which container is meant.
    pub(super) fn start(
        &mut self,
        name: &str,
        born: Option<u64>,
        ghost: bool,
        input: Option<&Bytes>,
        at: Timestamp,
    ) -> Result<Option<(u64, Program)>> {
        let at = self.clock(at);
        let meant = |container: &&mut Container| born.is_none_or(|born| born == container.born);
        let container = self.containers.get_mut(name).filter(meant).ok_or_else(|| missing(name))?;
        if container.status == ContainerStatus::Running {
            container.ghost &= ghost;
            return Ok(None);
        }
        if let Some(network) = container.spec.network.as_ref().filter(|name| !self.networks.contains_key(*name)) {
            return Err(Error::new(ErrorKind::NotFound, format!("no such network: {network}")));
        }
        let program = Program::new(&container.spec.command, &container.spec.env, input).ok_or_else(|| {
            Error::new(ErrorKind::ProgramNotFound, format!("no such program: {:?}", container.spec.command))
        })?;
        self.started += 1;
        container.run = self.started;
        container.ghost = ghost;
        container.status = ContainerStatus::Running;
        (container.exit_code, container.out_of_memory) = (None, false);
        (container.started_at, container.finished_at) = (Some(at), None);
        for (stream, bytes) in [(OutputStream::Stdout, &program.stdout), (OutputStream::Stderr, &program.stderr)] {
            let lines = bytes.split_inclusive(|&byte| byte == b'\n').map(|line| bytes.slice_ref(line));
            container.log.extend(lines.map(|bytes| LogChunk { stream, bytes }));
        }
        Ok(Some((container.run, program)))
    }

    /// The program of this run ends; nothing happens when it has ended already.
    pub(super) fn end(&mut self, name: &str, run: u64, end: End, at: Timestamp) -> bool {
        let at = self.clock(at);
        let running = |container: &&mut Container| container.run == run && container.is_running();
        let Some(container) = self.containers.get_mut(name).filter(running) else { return false };
        container.status = ContainerStatus::Exited;
        (container.exit_code, container.out_of_memory) = (Some(end.exit_code), end.out_of_memory);
        container.finished_at = Some(at);
        container.ghost = false;
        true
    }

    /// The program ends, and nobody asked for it.
    pub(super) fn end_by_itself(&mut self, name: &str, run: u64, end: End, at: Timestamp) -> bool {
        let ended = self.end(name, run, end, at);
        if let Some(labels) = self.containers.get(name).filter(|_| ended).and_then(|one| read(&one.labels)) {
            let (ends, for_memory) = self.ends.entry((labels.subject, labels.generation)).or_default();
            (*ends, *for_memory) = (*ends + 1, *for_memory + u64::from(end.out_of_memory));
        }
        ended
    }

    /// The run of a container of this fleet; `None` where it does not run, or does not exist.
    pub(super) fn running(&self, name: &str, fleet: FleetId) -> Result<Option<u64>> {
        let Some(container) = self.containers.get(name) else { return Ok(None) };
        ours("container", name, &container.labels, fleet)?;
        Ok(container.is_running().then_some(container.run))
    }

    pub(super) fn remove_container(&mut self, name: &str, fleet: FleetId) -> Result<()> {
        if let Some(container) = self.containers.get(name) {
            ours("container", name, &container.labels, fleet)?;
            self.containers.remove(name);
        }
        Ok(())
    }

    /// Two networks cannot have the same addresses.
    pub(super) fn create_network(&mut self, spec: &NetworkSpec) -> Result<Created> {
        if let Some(known) = self.networks.get(&spec.name) {
            return adopt("network", &spec.name, &known.labels, &spec.labels);
        }
        if let Some((other, _)) = self.networks.iter().find(|(_, network)| network.slot == spec.slot) {
            let message = format!("the addresses of network {} are those of {other}", spec.name);
            return Err(Error::new(ErrorKind::NetworkTaken, message));
        }
        self.networks.insert(spec.name.clone(), Network { slot: spec.slot, labels: spec.labels.to_map() });
        Ok(Created::New)
    }

    pub(super) fn remove_network(&mut self, name: &str, fleet: FleetId) -> Result<()> {
        let Some(network) = self.networks.get(name) else { return Ok(()) };
        ours("network", name, &network.labels, fleet)?;
        let inside = |container: &&Container| container.is_running() && container.spec.network.as_deref() == Some(name);
        if let Some(container) = self.containers.values().find(inside) {
            let message = format!("container {} runs in network {name}", container.spec.name);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        self.networks.remove(name);
        Ok(())
    }

    pub(super) fn create_volume(&mut self, spec: &VolumeSpec) -> Result<Created> {
        if let Some(known) = self.volumes.get(&spec.name) {
            return adopt("volume", &spec.name, &known.labels, &spec.labels);
        }
        self.volumes.insert(spec.name.clone(), Volume { labels: spec.labels.to_map(), ..Volume::default() });
        Ok(Created::New)
    }

    /// Any container that has the volume keeps it, running or not.
    pub(super) fn remove_volume(&mut self, name: &str, fleet: FleetId) -> Result<()> {
        let Some(volume) = self.volumes.get(name) else { return Ok(()) };
        ours("volume", name, &volume.labels, fleet)?;
        let has = |container: &&Container| container.spec.mounts.iter().any(|mount| mount.volume == name);
        if let Some(container) = self.containers.values().find(has) {
            let message = format!("container {} has volume {name}", container.spec.name);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        self.volumes.remove(name);
        Ok(())
    }

    pub(super) fn list_containers(&self, fleet: FleetId) -> Vec<ContainerState> {
        self.containers.values().filter(|one| carries(&one.labels, fleet)).map(Container::state).collect()
    }

    pub(super) fn list_networks(&self, fleet: FleetId) -> Vec<NetworkSummary> {
        let ours = self.networks.iter().filter(|(_, network)| carries(&network.labels, fleet));
        ours.map(|(name, network)| NetworkSummary { name: name.clone(), labels: read(&network.labels) }).collect()
    }

    pub(super) fn list_volumes(&self, fleet: FleetId) -> Vec<VolumeSummary> {
        let ours = self.volumes.iter().filter(|(_, volume)| carries(&volume.labels, fleet));
        ours.map(|(name, volume)| volume.summary(name)).collect()
    }

    /// The volume that a container mounts at `/workspace`.
    pub(super) fn volume_of(&mut self, container: &str) -> Option<&mut Volume> {
        let mounts = &self.containers.get(container)?.spec.mounts;
        let name = &mounts.iter().find(|mount| mount.target == "/workspace")?.volume;
        self.volumes.get_mut(name)
    }

    /// The files that a container sees at `/workspace`.
    pub(super) fn workspace(&mut self, container: &str) -> Option<&mut Tree> {
        let container = self.containers.get_mut(container)?;
        match container.spec.mounts.iter().find(|mount| mount.target == "/workspace") {
            Some(mount) => self.volumes.get_mut(&mount.volume).map(|volume| &mut volume.tree),
            None => Some(&mut container.own),
        }
    }
}

impl Container {
    /// Whether somebody else made it.
    pub(super) fn is_foreign(&self) -> bool {
        read(&self.labels).is_some_and(|labels| is_foreign(&labels))
    }

    pub(super) fn is_running(&self) -> bool {
        self.status == ContainerStatus::Running
    }

    /// It was made, or found, by a request; which container it is.
    pub(super) fn asked_for(&mut self, created: Created, given_up: bool) -> u64 {
        self.ghost = given_up && (created == Created::New || self.ghost);
        self.born
    }

    pub(super) fn state(&self) -> ContainerState {
        ContainerState {
            name: self.spec.name.clone(),
            status: self.status,
            exit_code: self.exit_code,
            out_of_memory: self.out_of_memory,
            started_at: self.started_at,
            finished_at: self.finished_at,
            ports: if self.is_running() { self.ports.clone() } else { BTreeMap::new() },
            labels: read(&self.labels),
        }
    }
}

impl Volume {
    pub(super) fn summary(&self, name: &str) -> VolumeSummary {
        VolumeSummary { name: name.to_owned(), labels: read(&self.labels) }
    }
}

/// The labels of an object, as a backend reads them.
pub(super) fn read(labels: &BTreeMap<String, String>) -> Option<ObjectLabels> {
    ObjectLabels::from_map(|name| labels.get(name).map(String::as_str))
}

fn carries(labels: &BTreeMap<String, String>, fleet: FleetId) -> bool {
    labels.get(ObjectLabels::FLEET) == Some(&fleet.to_string())
}

/// Only what carries the very same labels is what an earlier request made.
fn adopt(what: &str, name: &str, there: &BTreeMap<String, String>, asked: &ObjectLabels) -> Result<Created> {
    if read(there).as_ref() == Some(asked) {
        return Ok(Created::Adopted);
    }
    Err(Error::new(ErrorKind::ForeignObject, format!("{what} {name} exists and is not what was asked for")))
}

fn ours(what: &str, name: &str, labels: &BTreeMap<String, String>, fleet: FleetId) -> Result<()> {
    if read(labels).is_some_and(|labels| labels.fleet == fleet) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::ForeignObject, format!("{what} {name} does not belong to this fleet")))
}

/// What an Engine takes for a name.
pub(super) fn check_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let fine = name.len() > 1 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(allowed);
    if fine { Ok(()) } else { Err(Error::invalid("name", format!("{name:?} is no name"))) }
}

pub(super) fn no_space() -> Error {
    Error::new(ErrorKind::DiskFull, "no space left on device").hint("free disk on the server")
}

pub(super) fn missing(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("no such container: {name}"))
}
