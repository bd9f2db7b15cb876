//! A server that is only asked to change something while our lease outlives the call.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;
use crate::id::{FleetId, ServerId};
use crate::model::Probe;
use crate::orchestrator::lease::LeaseKeeper;
use crate::orchestrator::leased::LONGEST_CALL;
use crate::port::{
    Channel, ContainerSpec, ContainerState, ContainerStats, Containers, Created, ImageRef, Images, LogOptions,
    LogStream, NetworkSpec, NetworkSummary, Networks, RegistryCredentials, Server, VolumeSpec, VolumeStore,
    VolumeSummary,
};

/// A server as a master sees it. Reading is not held up; everything that changes something is.
#[derive(Debug)]
pub(super) struct Leased {
    server: Arc<dyn Server>,
    lease: Arc<LeaseKeeper>,
}

impl Leased {
    pub(super) const fn new(server: Arc<dyn Server>, lease: Arc<LeaseKeeper>) -> Self {
        Self { server, lease }
    }

    async fn changing(&self) -> Result<&dyn Server> {
        self.lease.outlive(LONGEST_CALL).await?;
        Ok(self.server.as_ref())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Server for Leased {
    fn id(&self) -> ServerId {
        self.server.id()
    }

    async fn probe(&self) -> Result<Probe> {
        self.server.probe().await
    }

    fn volumes(&self) -> &dyn VolumeStore {
        self
    }

    async fn open_channel(&self, container: &str) -> Result<Arc<dyn Channel>> {
        self.server.open_channel(container).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Images for Leased {
    fn worker_image(&self) -> Option<ImageRef> {
        self.server.worker_image()
    }

    async fn has_image(&self, image: &ImageRef) -> Result<bool> {
        self.server.has_image(image).await
    }

    async fn pull_image(&self, image: &ImageRef, credentials: Option<&RegistryCredentials>) -> Result<()> {
        self.changing().await?.pull_image(image, credentials).await
    }

    async fn load_image(&self, archive: Bytes) -> Result<()> {
        self.changing().await?.load_image(archive).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Networks for Leased {
    async fn create_network(&self, spec: &NetworkSpec) -> Result<Created> {
        self.changing().await?.create_network(spec).await
    }

    async fn remove_network(&self, name: &str, fleet: FleetId) -> Result<()> {
        self.changing().await?.remove_network(name, fleet).await
    }

    async fn list_networks(&self, fleet: FleetId) -> Result<Vec<NetworkSummary>> {
        self.server.list_networks(fleet).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Containers for Leased {
    async fn create_container(&self, spec: &ContainerSpec) -> Result<Created> {
        self.changing().await?.create_container(spec).await
    }

    async fn start_container(&self, name: &str, input: Option<Bytes>) -> Result<()> {
        self.changing().await?.start_container(name, input).await
    }

    async fn stop_container(&self, name: &str, fleet: FleetId, grace: Duration) -> Result<()> {
        self.changing().await?.stop_container(name, fleet, grace).await
    }

    async fn remove_container(&self, name: &str, fleet: FleetId) -> Result<()> {
        self.changing().await?.remove_container(name, fleet).await
    }

    async fn inspect_container(&self, name: &str) -> Result<Option<ContainerState>> {
        self.server.inspect_container(name).await
    }

    async fn list_containers(&self, fleet: FleetId) -> Result<Vec<ContainerState>> {
        self.server.list_containers(fleet).await
    }

    async fn container_logs(&self, name: &str, options: LogOptions) -> Result<LogStream> {
        self.server.container_logs(name, options).await
    }

    async fn container_stats(&self, name: &str) -> Result<ContainerStats> {
        self.server.container_stats(name).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl VolumeStore for Leased {
    async fn create_volume(&self, spec: &VolumeSpec) -> Result<Created> {
        self.changing().await?.volumes().create_volume(spec).await
    }

    async fn inspect_volume(&self, name: &str) -> Result<Option<VolumeSummary>> {
        self.server.volumes().inspect_volume(name).await
    }

    async fn remove_volume(&self, name: &str, fleet: FleetId) -> Result<()> {
        self.changing().await?.volumes().remove_volume(name, fleet).await
    }

    async fn list_volumes(&self, fleet: FleetId) -> Result<Vec<VolumeSummary>> {
        self.server.volumes().list_volumes(fleet).await
    }

    async fn volume_usage(&self, name: &str) -> Result<u64> {
        self.server.volumes().volume_usage(name).await
    }

    async fn volume_is_empty(&self, name: &str) -> Result<bool> {
        self.server.volumes().volume_is_empty(name).await
    }
}
