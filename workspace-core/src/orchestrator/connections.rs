//! The connections of this master, made anew when what they are made with changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::id::ServerId;
use crate::model::{ServerRecord, TlsMaterial};
use crate::orchestrator::Core;
use crate::port::Server;

/// With what the connection to each server was made.
#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<BTreeMap<ServerId, Option<TlsMaterial>>>);

impl Connections {
    fn are_made_with(&self, record: &ServerRecord) -> bool {
        self.lock().get(&record.id) == Some(&record.spec.tls)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ServerId, Option<TlsMaterial>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    /// The connection to a server as its record wants it, which another master may have changed.
    pub(super) async fn connect(&self, record: &ServerRecord) -> Result<Arc<dyn Server>> {
        if let Some(server) = self.pool.get(record.id).filter(|_| self.connections.are_made_with(record)) {
            return Ok(server);
        }
        let server = self.pool.connect(record, self.fleet).await?;
        self.connections.lock().insert(record.id, record.spec.tls.clone());
        Ok(server)
    }

    pub(super) async fn disconnect(&self, id: ServerId) {
        self.connections.lock().remove(&id);
        self.pool.disconnect(id).await;
    }

    /// Whether a server answers to other certificates. What goes on over the connection that is there goes on.
    pub(super) async fn try_certificates(&self, record: &ServerRecord, tls: &TlsMaterial) -> Result<()> {
        let mut other = ServerRecord { id: ServerId::from_uuid(self.env.uuid()), ..record.clone() };
        other.spec.tls = Some(tls.clone());
        let answer = match self.pool.connect(&other, self.fleet).await {
            Ok(server) => server.probe().await.map(drop),
            Err(error) => Err(error),
        };
        self.pool.disconnect(other.id).await;
        answer
    }
}
