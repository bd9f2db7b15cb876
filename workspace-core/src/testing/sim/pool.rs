//! The simulated servers, as one orchestrator sees them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::id::{FleetId, ServerId};
use crate::model::ServerRecord;
use crate::port::{Server, ServerPool};
use crate::testing::sim::server::SimServer;
use crate::testing::sim::wire::Wire;
use crate::testing::sim::{Gate, World};

/// Connections to the servers of a [`World`] at `sim://<name>`. Each orchestrator gets one of its own.
#[derive(Debug)]
pub struct SimPool {
    world: Arc<World>,
    connected: Mutex<BTreeMap<ServerId, Arc<SimServer>>>,
    gate: Arc<Gate>,
}

impl SimPool {
    /// Connections into a world.
    pub fn new(world: &Arc<World>) -> Self {
        Self { world: Arc::clone(world), connected: Mutex::default(), gate: Arc::default() }
    }

    /// Everything through it passes this gate.
    #[must_use]
    pub fn gated(mut self, gate: &Arc<Gate>) -> Self {
        self.gate = Arc::clone(gate);
        self
    }

    fn connected(&self) -> MutexGuard<'_, BTreeMap<ServerId, Arc<SimServer>>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ServerPool for SimPool {
    async fn connect(&self, record: &ServerRecord, _fleet: FleetId) -> Result<Arc<dyn Server>> {
        let endpoint = &record.spec.endpoint;
        let name =
            endpoint.strip_prefix("sim://").filter(|name| self.world.servers().iter().any(|known| known == name));
        let name = name.ok_or_else(|| {
            Error::invalid("endpoint", format!("{endpoint:?} is no simulated server"))
                .hint("add it to the world first; its endpoint is sim://<name>")
        })?;
        let server = Arc::new(SimServer::new(record.id, Wire::new(&self.world, &self.gate, name)));
        self.connected().insert(record.id, Arc::clone(&server));
        Ok(server)
    }

    async fn disconnect(&self, server: ServerId) {
        self.connected().remove(&server);
    }

    fn get(&self, server: ServerId) -> Option<Arc<dyn Server>> {
        self.connected().get(&server).map(|server| Arc::clone(server) as Arc<dyn Server>)
    }
}
