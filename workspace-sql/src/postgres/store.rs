//! The public type.

use std::sync::Arc;

use workspace_core::error::Result;

use super::PostgresConfig;
use super::backend::PostgresBackend;
use crate::SecretKey;
use crate::forward::forward_state_store;
use crate::store::{Store, at_rest};

/// The state of a fleet in Postgres, for any number of masters.
///
/// Our tables stand in a schema of their own (`workspace`), with their own table of migrations; masters may start at
/// once on an empty database. Guards hold between masters because they are checked under row locks; the locks are
/// taken in one order. Leases run on the database's clock. Tried with Postgres 15.
#[derive(Debug)]
pub struct PostgresStore {
    store: Arc<Store<PostgresBackend>>,
}

impl PostgresStore {
    /// Connects, makes the schema if it is missing and brings its tables up to date.
    ///
    /// The key seals what is secret; without one, rows with secrets are refused. Every master needs the same.
    ///
    /// # Errors
    /// `Invalid` for an address that makes no sense, and with the field `secret_key` when the store's secrets need
    /// another key; `StoreUnavailable` when the database cannot be reached; `Unsupported` when a later release brought
    /// it up to date.
    pub async fn open(url: &str, key: impl Into<Option<SecretKey>>) -> Result<Self> {
        Self::open_with(url, key, &PostgresConfig::default()).await
    }

    /// The same with a schema or a number of connections of one's own.
    ///
    /// # Errors
    /// As [`PostgresStore::open`]; `Invalid` also for a schema's name that cannot be.
    pub async fn open_with(url: &str, key: impl Into<Option<SecretKey>>, config: &PostgresConfig) -> Result<Self> {
        let backend = PostgresBackend::open(url, config).await?;
        let key = key.into();
        Ok(Self { store: Arc::new(Store::open(backend, key.as_ref()).await?) })
    }

    /// Ends the connections; a dropped store does so a little later by itself.
    pub async fn close(self) {
        at_rest(self.store).await.backend.close().await;
    }
}

forward_state_store!(PostgresStore);
