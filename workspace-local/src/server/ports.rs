//! The ports of one local server.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::id::{FleetId, ServerId};
use workspace_core::job::{CACHE, TREE};
use workspace_core::model::Probe;
use workspace_core::port::{
    Channel, ContainerSpec, ContainerState, ContainerStats, Containers, Created, ImageRef, Images, LogOptions,
    LogStream, NetworkSpec, NetworkSummary, Networks, RegistryCredentials, Server, VolumeStore,
};

use crate::container::Container;
use crate::job::DataSteps;
use crate::server::folder::{check_name, disk_error, names, read_json, write_json};
use crate::server::machine::Machine;
use crate::server::pool::full_name;
use crate::server::probe::probe;
use crate::server::volumes::{LabelMap, LocalVolumes, data_of, foreign, is_of, parse};

/// The image of the worker, which is this process.
const WORKER_IMAGE: &str = "fleet-worker";

/// A folder of this machine as a server. See [`LocalPool`](crate::LocalPool) for what it does not do.
#[derive(Debug)]
pub struct LocalServer {
    id: ServerId,
    machine: Arc<Machine>,
    volumes: LocalVolumes,
    images: BTreeSet<String>,
    /// What jobs need, where they are served.
    jobs: Option<Arc<dyn DataSteps>>,
}

impl LocalServer {
    pub(super) fn new(
        id: ServerId,
        machine: Arc<Machine>,
        images: BTreeSet<String>,
        jobs: Option<Arc<dyn DataSteps>>,
    ) -> Self {
        Self { id, volumes: LocalVolumes::new(Arc::clone(&machine)), machine, images, jobs }
    }

    fn knows(&self, image: &ImageRef) -> bool {
        let name = full_name(image.as_str());
        self.images.contains(&name) || (self.jobs.is_some() && name == full_name(WORKER_IMAGE))
    }

    fn found(&self, name: &str) -> Result<Arc<Container>> {
        check_name(name)?;
        self.machine.container(name).ok_or_else(|| Error::not_found("container"))
    }

    fn network_file(&self, name: &str) -> PathBuf {
        self.machine.folder().join("networks").join(format!("{name}.json"))
    }

    /// Refuses what cannot work here before anything is made.
    fn check(&self, spec: &ContainerSpec) -> Result<()> {
        check_name(&spec.name)?;
        if !self.knows(&spec.image) {
            return Err(missing_image(&spec.image));
        }
        for mount in &spec.mounts {
            check_name(&mount.volume)?;
            if mount.target != TREE && mount.target != CACHE {
                return Err(Error::new(ErrorKind::Unsupported, "a local server mounts volumes at /workspace only")
                    .hint("use a Docker server"));
            }
            if !data_of(self.machine.folder(), &mount.volume).is_dir() {
                return Err(Error::not_found("volume").hint("make the volume before the container"));
            }
        }
        if let Some(network) = &spec.network {
            check_name(network)?;
            if !self.network_file(network).exists() {
                return Err(Error::not_found("network").hint("make the network before the container"));
            }
        }
        Ok(())
    }
}

fn missing_image(image: &ImageRef) -> Error {
    Error::new(ErrorKind::ImageNotFound, format!("no local server has the image {image}"))
        .hint("use workspace-base, or declare the name with LocalPool::with_image")
}

#[async_trait]
impl Server for LocalServer {
    fn id(&self) -> ServerId {
        self.id
    }

    async fn probe(&self) -> Result<Probe> {
        probe(self.machine.folder())
    }

    fn volumes(&self) -> &dyn VolumeStore {
        &self.volumes
    }

    async fn open_channel(&self, container: &str) -> Result<Arc<dyn Channel>> {
        check_name(container)?;
        let not_running = || {
            Error::new(ErrorKind::NotRunning, format!("container {container} is not running"))
                .hint("start the workspace first")
        };
        let found = self.machine.container(container).ok_or_else(not_running)?;
        Ok(Arc::new(found.open_channel(self.machine.host()).await?.ok_or_else(not_running)?))
    }
}

#[async_trait]
impl Images for LocalServer {
    fn worker_image(&self) -> Option<ImageRef> {
        self.jobs.as_ref().map(|_| ImageRef::new(WORKER_IMAGE))
    }

    async fn has_image(&self, image: &ImageRef) -> Result<bool> {
        Ok(self.knows(image))
    }

    async fn pull_image(&self, image: &ImageRef, _credentials: Option<&RegistryCredentials>) -> Result<()> {
        if self.has_image(image).await? { Ok(()) } else { Err(missing_image(image)) }
    }

    async fn load_image(&self, _archive: Bytes) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "a local server cannot load images")
            .hint("declare the image's name with LocalPool::with_image; programs are this machine's"))
    }
}

#[async_trait]
impl Networks for LocalServer {
    async fn create_network(&self, spec: &NetworkSpec) -> Result<Created> {
        check_name(&spec.name)?;
        let _alone = self.machine.lock_networks();
        let (file, labels) = (self.network_file(&spec.name), spec.labels.to_map());
        match read_json::<LabelMap>(&file)? {
            Some(there) if there == labels => Ok(Created::Adopted),
            Some(_) => Err(foreign("network", &spec.name)),
            None => write_json(&file, &labels).map(|()| Created::New),
        }
    }

    async fn remove_network(&self, name: &str, fleet: FleetId) -> Result<()> {
        check_name(name)?;
        let _alone = self.machine.lock_networks();
        let file = self.network_file(name);
        match read_json::<LabelMap>(&file)? {
            Some(labels) if !is_of(&labels, fleet) => Err(foreign("network", name)),
            _ => match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk_error(error)),
                _ => Ok(()),
            },
        }
    }

    async fn list_networks(&self, fleet: FleetId) -> Result<Vec<NetworkSummary>> {
        let mut found = Vec::new();
        for file in names(&self.machine.folder().join("networks"))? {
            let Some(name) = file.strip_suffix(".json") else { continue };
            let Some(labels) = read_json::<LabelMap>(&self.network_file(name))? else { continue };
            if is_of(&labels, fleet) {
                found.push(NetworkSummary { name: name.to_owned(), labels: parse(&labels) });
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl Containers for LocalServer {
    async fn create_container(&self, spec: &ContainerSpec) -> Result<Created> {
        // Before the containers, as everywhere: no volume goes while a container takes it.
        let _volumes = self.machine.lock_volumes();
        self.check(spec)?;
        let mut containers = self.machine.containers();
        if let Some(there) = containers.get(&spec.name) {
            return if there.has_labels(&spec.labels) {
                Ok(Created::Adopted)
            } else {
                Err(foreign("container", &spec.name))
            };
        }
        let container = Container::create(self.machine.folder(), spec)?;
        containers.insert(spec.name.clone(), container);
        Ok(Created::New)
    }

    async fn start_container(&self, name: &str, input: Option<Bytes>) -> Result<()> {
        self.found(name)?.start(self.machine.host(), input, self.jobs.clone()).await
    }

    async fn stop_container(&self, name: &str, fleet: FleetId, grace: Duration) -> Result<()> {
        check_name(name)?;
        match self.machine.container(name) {
            Some(container) if !container.is_of(fleet) => Err(foreign("container", name)),
            Some(container) => container.stop(grace).await,
            None => Ok(()),
        }
    }

    async fn remove_container(&self, name: &str, fleet: FleetId) -> Result<()> {
        check_name(name)?;
        let Some(container) = self.machine.container(name) else { return Ok(()) };
        if !container.is_of(fleet) {
            return Err(foreign("container", name));
        }
        container.remove().await?;
        let mut containers = self.machine.containers();
        if containers.get(name).is_some_and(|there| Arc::ptr_eq(there, &container)) {
            containers.remove(name);
        }
        Ok(())
    }

    async fn inspect_container(&self, name: &str) -> Result<Option<ContainerState>> {
        check_name(name)?;
        Ok(self.machine.container(name).map(|container| container.state()))
    }

    async fn list_containers(&self, fleet: FleetId) -> Result<Vec<ContainerState>> {
        let containers = self.machine.containers();
        Ok(containers.values().filter(|container| container.is_of(fleet)).map(|container| container.state()).collect())
    }

    async fn container_logs(&self, name: &str, options: LogOptions) -> Result<LogStream> {
        Ok(self.found(name)?.logs(options))
    }

    async fn container_stats(&self, name: &str) -> Result<ContainerStats> {
        self.found(name)?.stats().await
    }
}
