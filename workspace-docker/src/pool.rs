//! The Docker servers of a fleet.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use workspace_core::environment::Environment;
use workspace_core::error::Result;
use workspace_core::id::{FleetId, ServerId};
use workspace_core::model::ServerRecord;
use workspace_core::port::{Server, ServerPool};

use crate::call::CallObserver;
use crate::server::{DockerServer, Equipment};
use crate::worker::WorkerImage;

/// Servers that are Docker Engines, reached over mutual TLS, plain HTTP or a unix socket.
///
/// ```
/// use workspace_docker::{DockerPool, WorkerImage};
///
/// # fn image() -> Result<(), workspace_core::error::Error> {
/// let pool = DockerPool::builder().worker_image(WorkerImage::read("target/worker-image.tar")?).build();
/// # Ok(())
/// # }
/// ```
///
/// Without a worker image channels run programs but have no files, and bind storage is not possible.
#[derive(Debug, Default)]
pub struct DockerPool {
    servers: RwLock<BTreeMap<ServerId, Arc<DockerServer>>>,
    equipment: Equipment,
}

impl DockerPool {
    /// A pool without a worker image.
    pub fn new() -> Self {
        Self::default()
    }

    /// A pool with a worker image and more.
    pub fn builder() -> DockerPoolBuilder {
        DockerPoolBuilder::default()
    }
}

/// Makes a [`DockerPool`].
#[derive(Clone, Debug, Default)]
pub struct DockerPoolBuilder {
    equipment: Equipment,
}

impl DockerPoolBuilder {
    /// Gives every server this worker program.
    #[must_use]
    pub fn worker_image(mut self, image: WorkerImage) -> Self {
        self.equipment.worker_image = Some(image);
        self
    }

    /// Shows every call to a Docker Engine to an observer.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn CallObserver>) -> Self {
        self.equipment.observer = Some(observer);
        self
    }

    /// Takes time and randomness from here instead of from the system.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.equipment.environment = environment;
        self
    }

    /// The pool.
    pub fn build(self) -> DockerPool {
        DockerPool { servers: RwLock::default(), equipment: self.equipment }
    }
}

#[async_trait]
impl ServerPool for DockerPool {
    async fn connect(&self, record: &ServerRecord, fleet: FleetId) -> Result<Arc<dyn Server>> {
        let server = Arc::new(DockerServer::new(record, fleet, &self.equipment)?);
        server.prepare();
        self.servers.write().unwrap_or_else(PoisonError::into_inner).insert(record.id, Arc::clone(&server));
        Ok(server)
    }

    async fn disconnect(&self, server: ServerId) {
        self.servers.write().unwrap_or_else(PoisonError::into_inner).remove(&server);
    }

    fn get(&self, server: ServerId) -> Option<Arc<dyn Server>> {
        let servers = self.servers.read().unwrap_or_else(PoisonError::into_inner);
        servers.get(&server).map(|server| Arc::clone(server) as Arc<dyn Server>)
    }
}
