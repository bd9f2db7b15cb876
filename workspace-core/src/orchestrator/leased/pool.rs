//! The servers of a fleet, as a master may use them.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::id::{FleetId, ServerId};
use crate::model::ServerRecord;
use crate::orchestrator::lease::LeaseKeeper;
use crate::orchestrator::leased::server::Leased;
use crate::port::{Server, ServerPool};

/// A pool whose servers look at the lease before each call that changes something.
#[derive(Debug)]
pub(in crate::orchestrator) struct LeasedPool {
    pool: Arc<dyn ServerPool>,
    lease: Arc<LeaseKeeper>,
}

impl LeasedPool {
    pub(in crate::orchestrator) const fn new(pool: Arc<dyn ServerPool>, lease: Arc<LeaseKeeper>) -> Self {
        Self { pool, lease }
    }

    fn leased(&self, server: Arc<dyn Server>) -> Arc<dyn Server> {
        Arc::new(Leased::new(server, Arc::clone(&self.lease)))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ServerPool for LeasedPool {
    async fn connect(&self, record: &ServerRecord, fleet: FleetId) -> Result<Arc<dyn Server>> {
        self.pool.connect(record, fleet).await.map(|server| self.leased(server))
    }

    async fn disconnect(&self, server: ServerId) {
        self.pool.disconnect(server).await;
    }

    fn get(&self, server: ServerId) -> Option<Arc<dyn Server>> {
        self.pool.get(server).map(|server| self.leased(server))
    }
}
