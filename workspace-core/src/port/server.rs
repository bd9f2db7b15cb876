//! One server: images, networks, containers, volumes and channels.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;
use crate::id::{FleetId, ServerId};
use crate::model::Probe;
use crate::port::{
    Channel, ContainerSpec, ContainerState, ContainerStats, Created, ImageRef, LogOptions, LogStream, NetworkSpec,
    NetworkSummary, RegistryCredentials, VolumeStore,
};

/// One server of the fleet.
///
/// # Contract
/// - Every call ends within a deadline of the implementation's own; a call that ends in
///   [`Timeout`](crate::error::ErrorKind::Timeout) or [`Unreachable`](crate::error::ErrorKind::Unreachable) may still
///   be carried out later.
/// - Making and removing are idempotent by name: a repeated create adopts what carries the same labels and refuses
///   anything else with [`ForeignObject`](crate::error::ErrorKind::ForeignObject); removing what is gone succeeds.
/// - Every future may be dropped at any await; what it had asked for may or may not have happened.
/// - No call retries: the step executor does.
///
/// # Implementing
/// Run `workspace_core::testing::conformance::server` against it.
///
/// # Backends differ in
/// | | Docker | local | simulated |
/// |---|---|---|---|
/// | isolation, limits | yes | none | none |
/// | containers outlive the master | yes | no | yes |
/// | channel without the worker image | exec only | yes | yes |
/// | a program that does not exist | the container ends with 127 | the start is refused | the start is refused |
#[async_trait]
pub trait Server: Images + Networks + Containers + Debug + Send + Sync + 'static {
    /// Which server this is.
    fn id(&self) -> ServerId;

    /// Asks the server how it is and what it has. Short: a server that does not answer in seconds is not healthy.
    async fn probe(&self) -> Result<Probe>;

    /// Its volumes.
    fn volumes(&self) -> &dyn VolumeStore;

    /// Opens a new channel into a running container.
    ///
    /// # Errors
    /// [`NotRunning`](crate::error::ErrorKind::NotRunning) when the container does not run or does not exist.
    async fn open_channel(&self, container: &str) -> Result<Arc<dyn Channel>>;
}

/// The images of a server.
#[async_trait]
pub trait Images: Send + Sync {
    /// The image that holds the worker; `None` where the worker was not given.
    fn worker_image(&self) -> Option<ImageRef>;

    /// Whether the server has the image.
    async fn has_image(&self, image: &ImageRef) -> Result<bool>;

    /// Fetches an image from its registry. Two pulls of one image at once are one.
    ///
    /// # Errors
    /// [`ImageNotFound`](crate::error::ErrorKind::ImageNotFound) when the registry does not have it,
    /// [`RegistryRefused`](crate::error::ErrorKind::RegistryRefused) when it does not accept the credentials,
    /// [`RegistryUnreachable`](crate::error::ErrorKind::RegistryUnreachable) when the server does not reach it.
    async fn pull_image(&self, image: &ImageRef, credentials: Option<&RegistryCredentials>) -> Result<()>;

    /// Loads an archive of images, as `docker save` writes it.
    async fn load_image(&self, archive: Bytes) -> Result<()>;
}

/// The networks of a server.
#[async_trait]
pub trait Networks: Send + Sync {
    /// Makes a network, or adopts the one with the same labels.
    async fn create_network(&self, spec: &NetworkSpec) -> Result<Created>;

    /// Removes a network that carries the labels of this fleet; a missing one is removed already.
    async fn remove_network(&self, name: &str, fleet: FleetId) -> Result<()>;

    /// Every network with the fleet's label.
    async fn list_networks(&self, fleet: FleetId) -> Result<Vec<NetworkSummary>>;
}

/// The containers of a server.
#[async_trait]
pub trait Containers: Send + Sync {
    /// Makes a container, or adopts the one with the same labels.
    ///
    /// # Errors
    /// [`ImageNotFound`](crate::error::ErrorKind::ImageNotFound) when the server does not have the image;
    /// [`ForeignObject`](crate::error::ErrorKind::ForeignObject) when the name is taken by something else.
    async fn create_container(&self, spec: &ContainerSpec) -> Result<Created>;

    /// Starts a container; one that runs is started already. `input` is written to its stdin, which is attached
    /// before the start and closed after the last byte; it needs `open_stdin`.
    ///
    /// Where this connection made or adopted a container of that name, the start is of that very container: one that a
    /// request made late, after ours was removed, is [`NotFound`](crate::error::ErrorKind::NotFound).
    async fn start_container(&self, name: &str, input: Option<Bytes>) -> Result<()>;

    /// Asks the program of a container that carries the labels of this fleet to end, and ends it after `grace`; one
    /// that does not run, or does not exist, is stopped already.
    ///
    /// The stop is of the very container that was looked at: one that is carried out late touches nothing that got the
    /// name meanwhile.
    async fn stop_container(&self, name: &str, fleet: FleetId, grace: Duration) -> Result<()>;

    /// Removes a container that carries the labels of this fleet, running or not; a missing one is removed already.
    async fn remove_container(&self, name: &str, fleet: FleetId) -> Result<()>;

    /// What the container does; `None` when there is none.
    async fn inspect_container(&self, name: &str) -> Result<Option<ContainerState>>;

    /// Every container with the fleet's label, in every state. Ports may be left out.
    async fn list_containers(&self, fleet: FleetId) -> Result<Vec<ContainerState>>;

    /// The container's log. The stream ends with an error when the server falls silent.
    async fn container_logs(&self, name: &str, options: LogOptions) -> Result<LogStream>;

    /// What the container uses now.
    async fn container_stats(&self, name: &str) -> Result<ContainerStats>;
}
