//! The server ports on a simulated server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::sleep;

use crate::error::{Error, ErrorKind, Result};
use crate::id::{FleetId, ServerId};
use crate::job::WORKER;
use crate::model::Probe;
use crate::port::{
    Channel, ContainerSpec, ContainerState, ContainerStats, Containers, Created, ImageRef, Images, LogOptions,
    LogStream, NetworkSpec, NetworkSummary, Networks, RegistryCredentials, Server, VolumeSpec, VolumeStore,
    VolumeSummary,
};
use crate::testing::sim::channel::SimChannel;
use crate::testing::sim::machine::{Container, End, Machine, check_name, missing};
use crate::testing::sim::wire::{Arrived, Wire};
use crate::testing::sim::worker::Run;
use crate::testing::sim::{Fault, PortCall, logs};

/// The image that jobs without one of their own run in, where a server has it.
const WORKER_IMAGE: &str = "worker";

/// One server of a [`World`](super::World), as one orchestrator sees it.
#[derive(Debug)]
pub struct SimServer {
    id: ServerId,
    wire: Wire,
    /// The containers that were made or adopted here, by name.
    made: Mutex<BTreeMap<String, u64>>,
}

impl SimServer {
    pub(super) const fn new(id: ServerId, wire: Wire) -> Self {
        Self { id, wire, made: Mutex::new(BTreeMap::new()) }
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Server for SimServer {
    fn id(&self) -> ServerId {
        self.id
    }

    async fn probe(&self) -> Result<Probe> {
        let now = self.wire.world().now();
        let told = move |machine: &mut Machine| Probe {
            totals: machine.totals,
            engine: "simulator".to_owned(),
            architecture: "x86_64".to_owned(),
            server_time: Some(machine.clock(now)),
            certificate_expires_at: None,
            warnings: Vec::new(),
        };
        self.wire.ask(PortCall::Probe, "", move |machine| Ok(told(machine))).await
    }

    fn volumes(&self) -> &dyn VolumeStore {
        self
    }

    async fn open_channel(&self, container: &str) -> Result<Arc<dyn Channel>> {
        let name = container.to_owned();
        let run = self
            .wire
            .ask(PortCall::OpenChannel, container, move |machine| {
                let running = machine.containers.get(&name).filter(|container| container.is_running());
                let none = || Error::new(ErrorKind::NotRunning, format!("container {name} does not run"));
                running.map(|container| container.run).ok_or_else(none)
            })
            .await?;
        Ok(Arc::new(SimChannel::new(self.wire.clone(), container, run)))
    }
}

#[async_trait]
impl Images for SimServer {
    fn worker_image(&self) -> Option<ImageRef> {
        let has = self.wire.world().look(self.wire.server(), |machine| machine.images.contains(WORKER_IMAGE));
        has.unwrap_or(false).then(|| ImageRef::new(WORKER_IMAGE))
    }

    async fn has_image(&self, image: &ImageRef) -> Result<bool> {
        let name = image.as_str().to_owned();
        self.wire.ask(PortCall::HasImage, image.as_str(), move |machine| Ok(machine.images.contains(&name))).await
    }

    async fn pull_image(&self, image: &ImageRef, _credentials: Option<&RegistryCredentials>) -> Result<()> {
        let name = image.as_str().to_owned();
        let call = PortCall::PullImage;
        let pull = |arrived: Arrived| async move {
            sleep(arrived.world.dice.between(Duration::from_millis(100), Duration::from_secs(8))).await;
            arrived.act(|machine| {
                if machine.registry.contains(&name) {
                    machine.images.insert(name);
                    return Ok(());
                }
                Err(Error::new(ErrorKind::ImageNotFound, format!("no registry has the image {name}")))
            })
        };
        self.wire.request(call, image.as_str(), call.deadline(), pull).await
    }

    /// An archive is the names of its images, one a line.
    async fn load_image(&self, archive: Bytes) -> Result<()> {
        let names: BTreeSet<_> = String::from_utf8_lossy(&archive).lines().map(str::to_owned).collect();
        let load = move |machine: &mut Machine| {
            machine.images.extend(names);
            Ok(())
        };
        self.wire.ask(PortCall::LoadImage, "", load).await
    }
}

#[async_trait]
impl Networks for SimServer {
    async fn create_network(&self, spec: &NetworkSpec) -> Result<Created> {
        let spec_sent = spec.clone();
        self.wire.ask_of(PortCall::CreateNetwork, &spec.name, move |at, _| at.create_network(&spec_sent)).await
    }

    async fn remove_network(&self, name: &str, fleet: FleetId) -> Result<()> {
        self.wire.ask_of(PortCall::RemoveNetwork, name, move |at, name| at.remove_network(name, fleet)).await
    }

    async fn list_networks(&self, fleet: FleetId) -> Result<Vec<NetworkSummary>> {
        self.wire.ask(PortCall::ListNetworks, "", move |at| Ok(at.list_networks(fleet))).await
    }
}

#[async_trait]
impl Containers for SimServer {
    async fn create_container(&self, spec: &ContainerSpec) -> Result<Created> {
        let spec_sent = spec.clone();
        let make = async move |arrived: Arrived| {
            arrived.act(|at| {
                let created = at.create_container(&spec_sent)?;
                let container = at.containers.get_mut(&spec_sent.name);
                Ok((created, container.map(|container| container.asked_for(created, arrived.given_up))))
            })
        };
        check_name(&spec.name)?;
        let call = PortCall::CreateContainer;
        let (created, born) = self.wire.request(call, &spec.name, call.deadline(), make).await?;
        self.made().extend(born.map(|born| (spec.name.clone(), born)));
        Ok(created)
    }

    async fn start_container(&self, name: &str, input: Option<Bytes>) -> Result<()> {
        check_name(name)?;
        let (call, owned) = (PortCall::StartContainer, name.to_owned());
        let born = self.made().get(name).copied();
        self.wire
            .request(
                call,
                name,
                call.deadline(),
                move |arrived| async move { start(arrived, owned, born, input.as_ref()) },
            )
            .await
    }

    async fn stop_container(&self, name: &str, fleet: FleetId, grace: Duration) -> Result<()> {
        check_name(name)?;
        let (call, owned) = (PortCall::StopContainer, name.to_owned());
        self.wire.request(call, name, grace + call.deadline(), move |arrived| stop(arrived, owned, fleet, grace)).await
    }

    async fn remove_container(&self, name: &str, fleet: FleetId) -> Result<()> {
        self.wire.ask_of(PortCall::RemoveContainer, name, move |at, name| at.remove_container(name, fleet)).await
    }

    async fn inspect_container(&self, name: &str) -> Result<Option<ContainerState>> {
        let look = |at: &mut Machine, name: &str| Ok(at.containers.get(name).map(Container::state));
        self.wire.ask_of(PortCall::InspectContainer, name, look).await
    }

    async fn list_containers(&self, fleet: FleetId) -> Result<Vec<ContainerState>> {
        self.wire.ask(PortCall::ListContainers, "", move |at| Ok(at.list_containers(fleet))).await
    }

    async fn container_logs(&self, name: &str, options: LogOptions) -> Result<LogStream> {
        let exists = |at: &mut Machine, name: &str| {
            if at.containers.contains_key(name) { Ok(()) } else { Err(missing(name)) }
        };
        self.wire.ask_of(PortCall::ContainerLogs, name, exists).await?;
        Ok(logs::stream(self.wire.clone(), name.to_owned(), options))
    }

    async fn container_stats(&self, name: &str) -> Result<ContainerStats> {
        let stats = |at: &mut Machine, name: &str| {
            let container = at.containers.get(name).ok_or_else(|| missing(name))?;
            if !container.is_running() {
                return Err(Error::new(ErrorKind::NotRunning, format!("container {name} does not run")));
            }
            let memory_limit_bytes = container.spec.memory_mib << 20;
            Ok(ContainerStats { memory_bytes: 1 << 20, memory_limit_bytes, pids: 1, ..ContainerStats::default() })
        };
        self.wire.ask_of(PortCall::ContainerStats, name, stats).await
    }
}

#[async_trait]
impl VolumeStore for SimServer {
    async fn create_volume(&self, spec: &VolumeSpec) -> Result<Created> {
        let spec_sent = spec.clone();
        self.wire.ask_of(PortCall::CreateVolume, &spec.name, move |at, _| at.create_volume(&spec_sent)).await
    }

    async fn inspect_volume(&self, name: &str) -> Result<Option<VolumeSummary>> {
        let look = |at: &mut Machine, name: &str| Ok(at.volumes.get(name).map(|volume| volume.summary(name)));
        self.wire.ask_of(PortCall::InspectVolume, name, look).await
    }

    async fn remove_volume(&self, name: &str, fleet: FleetId) -> Result<()> {
        self.wire.ask_of(PortCall::RemoveVolume, name, move |at, name| at.remove_volume(name, fleet)).await
    }

    async fn list_volumes(&self, fleet: FleetId) -> Result<Vec<VolumeSummary>> {
        self.wire.ask(PortCall::ListVolumes, "", move |at| Ok(at.list_volumes(fleet))).await
    }

    async fn volume_usage(&self, name: &str) -> Result<u64> {
        let usage = |at: &mut Machine, name: &str| {
            at.volumes.get(name).map(|volume| volume.tree.bytes()).ok_or_else(|| Error::not_found("volume"))
        };
        self.wire.ask_of(PortCall::VolumeUsage, name, usage).await
    }

    async fn volume_is_empty(&self, name: &str) -> Result<bool> {
        let is_empty = |at: &mut Machine, name: &str| {
            at.volumes.get(name).map(|volume| volume.tree.is_empty()).ok_or_else(|| Error::not_found("volume"))
        };
        self.wire.ask_of(PortCall::VolumeIsEmpty, name, is_empty).await
    }
}

/// Starts a program, which then ends when it wants to.
fn start(arrived: Arrived, name: String, born: Option<u64>, input: Option<&Bytes>) -> Result<()> {
    let (at, given_up) = (arrived.world.now(), arrived.given_up);
    let Some((run, program)) = arrived.act(|machine| machine.start(&name, born, given_up, input, at))? else {
        return Ok(());
    };
    if given_up {
        arrived.world.journal.pages().ghosts += 1;
    }
    let job = arrived
        .act(|machine| Ok(machine.containers.get(&name).is_some_and(|one| one.spec.command == [WORKER, "job"])))?;
    if job {
        // The line is sent by who heard that the start went well; now and then it does not arrive.
        let lost = given_up || (arrived.world.plan().is_some() && arrived.world.dice.chance(20));
        let input = input.cloned().filter(|_| !lost);
        tokio::spawn(Run::new(arrived, name, run).work(input));
        return Ok(());
    }
    if let Some(after) = program.ends_after {
        tokio::spawn(async move {
            sleep(after).await;
            let at = arrived.world.now();
            let end = End::exited(program.exit_code.into());
            arrived.world.alter(&arrived.server, |machine| machine.end_by_itself(&name, run, end, at));
        });
    }
    Ok(())
}

/// Most programs end when they are asked to; some have to be ended.
async fn stop(arrived: Arrived, name: String, fleet: FleetId, grace: Duration) -> Result<()> {
    let find = |machine: &mut Machine| machine.running(&name, fleet);
    let Some(run) = arrived.act(find)? else { return Ok(()) };
    let stubborn = arrived.world.plan().is_some_and(|plan| arrived.world.dice.chance(plan.slow_stop));
    if stubborn {
        arrived.world.journal.fault(Fault::SlowStop, Some(PortCall::StopContainer));
    }
    sleep(if stubborn { grace } else { arrived.world.dice.between(Duration::ZERO, Duration::from_millis(20)) }).await;
    let (at, end) = (arrived.world.now(), End::exited(if stubborn { 137 } else { 143 }));
    arrived.act(|machine| Ok(machine.end(&name, run, end, at))).map(|_| ())
}
