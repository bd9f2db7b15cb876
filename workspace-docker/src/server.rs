//! One server: a Docker Engine behind the ports of the core.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use std::net::{IpAddr, Ipv4Addr};
use tokio::sync::OnceCell;
use workspace_core::clock::Timestamp;
use workspace_core::environment::Environment;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::id::{FleetId, ServerId};
use workspace_core::model::{Probe, ServerRecord};
use workspace_core::port::{
    Channel, ContainerSpec, ContainerState, ContainerStats, Containers, Created, ImageRef, Images, LogOptions,
    LogStream, NetworkSpec, NetworkSummary, Networks, RegistryCredentials, Server, VolumeStore,
};
use workspace_core::resources::Resources;

use crate::call::CallObserver;
use crate::container::{MadeHere, Publish};
use crate::endpoint::Endpoint;
use crate::engine::Engine;
use crate::images::Pulls;
use crate::probe::Versions;
use crate::subnet::NetworkRange;
use crate::volumes::DockerVolumes;
use crate::worker::{Worker, WorkerImage};
use crate::{certificate, channel, container, images, names, networks, probe, transport};

/// A server that is a Docker Engine; [`DockerPool`](crate::DockerPool) makes it.
#[derive(Debug)]
pub struct DockerServer {
    engine: Engine,
    endpoint: Endpoint,
    address: OnceCell<IpAddr>,
    networks: NetworkRange,
    capacity: Resources,
    certificate_expires_at: Option<Timestamp>,
    versions: Versions,
    pulls: Pulls,
    made: MadeHere,
    worker: Worker,
    volumes: DockerVolumes,
}

/// What a pool gives each of its servers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Equipment {
    pub(crate) worker_image: Option<WorkerImage>,
    pub(crate) observer: Option<Arc<dyn CallObserver>>,
    pub(crate) environment: Environment,
}

impl DockerServer {
    /// Checks the record and sets the client up; nothing is connected yet.
    pub(crate) fn new(record: &ServerRecord, fleet: FleetId, equipment: &Equipment) -> Result<Self> {
        let endpoint = Endpoint::from_spec(&record.spec)?;
        let docker = transport::client(&endpoint)?;
        let engine = Engine::new(docker, record.id, &record.spec.name, equipment.observer.clone());
        let worker = Worker::new(&engine, fleet, equipment.worker_image.clone());
        let storage = record.spec.storage.clone();
        Ok(Self {
            networks: NetworkRange::parse(record.spec.network_cidr.as_deref())?,
            capacity: record.spec.capacity.unwrap_or_default(),
            certificate_expires_at: record.spec.tls.as_ref().and_then(certificate::first_end),
            volumes: DockerVolumes::new(engine.clone(), storage, worker.clone(), equipment.environment.clone()),
            address: OnceCell::new(),
            versions: Versions::new(),
            pulls: Pulls::default(),
            made: MadeHere::default(),
            worker,
            endpoint,
            engine,
        })
    }

    /// Gets the worker onto the server while nobody waits.
    pub(crate) fn prepare(&self) {
        self.worker.prepare_in_background();
    }

    async fn address(&self) -> Result<IpAddr> {
        self.address.get_or_try_init(|| self.endpoint.address()).await.copied()
    }
}

#[async_trait]
impl Server for DockerServer {
    fn id(&self) -> ServerId {
        self.engine.server()
    }

    async fn probe(&self) -> Result<Probe> {
        let mut probe = probe::probe(&self.engine, &self.versions, self.capacity, self.certificate_expires_at).await?;
        let ends = [probe.certificate_expires_at, self.endpoint.peer_end()];
        probe.certificate_expires_at = ends.into_iter().flatten().min();
        self.prepare();
        Ok(probe)
    }

    fn volumes(&self) -> &dyn VolumeStore {
        &self.volumes
    }

    async fn open_channel(&self, container: &str) -> Result<Arc<dyn Channel>> {
        names::check("container", container)?;
        channel::open(&self.engine, container, self.worker.is_given()).await
    }
}

#[async_trait]
impl Images for DockerServer {
    fn worker_image(&self) -> Option<ImageRef> {
        self.worker.image_name()
    }

    async fn has_image(&self, image: &ImageRef) -> Result<bool> {
        images::has(&self.engine, image).await
    }

    async fn pull_image(&self, image: &ImageRef, credentials: Option<&RegistryCredentials>) -> Result<()> {
        self.pulls.pull(&self.engine, image, credentials).await
    }

    async fn load_image(&self, archive: Bytes) -> Result<()> {
        images::load(&self.engine, archive).await
    }
}

#[async_trait]
impl Networks for DockerServer {
    async fn create_network(&self, spec: &NetworkSpec) -> Result<Created> {
        networks::create(&self.engine, self.networks, spec).await
    }

    async fn remove_network(&self, name: &str, fleet: FleetId) -> Result<()> {
        networks::remove(&self.engine, name, fleet).await
    }

    async fn list_networks(&self, fleet: FleetId) -> Result<Vec<NetworkSummary>> {
        networks::list(&self.engine, fleet).await
    }
}

#[async_trait]
impl Containers for DockerServer {
    async fn create_container(&self, spec: &ContainerSpec) -> Result<Created> {
        container::check_spec(spec)?;
        let publish = if spec.ports.is_empty() { None } else { Some(Publish { address: self.address().await? }) };
        let worker = self.worker.volume().await?;
        let made =
            container::make(&self.engine, &spec.name, &container::body(spec, publish, worker), &spec.labels).await;
        match (made, worker) {
            // Somebody removed the worker's volume from the server since it was prepared.
            (Err(error), Some(volume)) if error.kind() == ErrorKind::NotFound && error.message().contains(volume) => {
                self.worker.forget();
                let body = container::body(spec, publish, self.worker.volume().await?);
                container::make(&self.engine, &spec.name, &body, &spec.labels).await
            }
            (made, _) => made,
        }
        .map(|made| {
            self.made.remember(&spec.name, made.id);
            made.created
        })
    }

    async fn start_container(&self, name: &str, input: Option<Bytes>) -> Result<()> {
        names::check("name", name)?;
        container::start(&self.engine, name, &self.made.reference(name), input).await
    }

    async fn stop_container(&self, name: &str, fleet: FleetId, grace: Duration) -> Result<()> {
        names::check("name", name)?;
        container::stop(&self.engine, name, fleet, grace).await
    }

    async fn remove_container(&self, name: &str, fleet: FleetId) -> Result<()> {
        names::check("name", name)?;
        container::remove(&self.engine, name, fleet).await?;
        self.made.forget(name);
        Ok(())
    }

    async fn inspect_container(&self, name: &str) -> Result<Option<ContainerState>> {
        names::check("name", name)?;
        // What cannot be resolved now is not worth a failed inspect: the Engine nearly always tells the address.
        let address = self.address().await.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        container::inspect(&self.engine, name, address).await
    }

    async fn list_containers(&self, fleet: FleetId) -> Result<Vec<ContainerState>> {
        container::list(&self.engine, fleet).await
    }

    async fn container_logs(&self, name: &str, options: LogOptions) -> Result<LogStream> {
        names::check("name", name)?;
        container::logs(&self.engine, name, options).await
    }

    async fn container_stats(&self, name: &str) -> Result<ContainerStats> {
        names::check("name", name)?;
        container::stats(&self.engine, name).await
    }
}

/// The error of a container that must run and does not.
pub(crate) fn not_running(container: &str) -> Error {
    Error::new(ErrorKind::NotRunning, format!("container {container} is not running")).hint("start the workspace first")
}
