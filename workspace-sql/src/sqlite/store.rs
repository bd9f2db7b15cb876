//! The public type.

use std::path::Path;
use std::sync::Arc;

use workspace_core::error::Result;

use super::backend::SqliteBackend;
use crate::SecretKey;
use crate::forward::forward_state_store;
use crate::store::{Store, at_rest};

/// The state of a fleet in one SQLite file, for one master.
///
/// Every commit is on the disk before it is answered (write-ahead log, `synchronous = FULL`). One connection writes,
/// others read beside it. Our tables begin with `workspace_`, so that the file may hold others; a lock file beside it
/// keeps a second master out. The file is made readable by its owner alone. Leases run on this machine's clock.
#[derive(Debug)]
pub struct SqliteStore {
    store: Arc<Store<SqliteBackend>>,
}

impl SqliteStore {
    /// Opens the file, makes it if it is missing and brings its tables up to date.
    ///
    /// The key seals what is secret; without one, rows with secrets are refused.
    ///
    /// # Errors
    /// `StoreInUse` while another master, or another store of this process, has the file; `Invalid` with the field
    /// `secret_key` when its secrets need another key; `StoreUnavailable` when the file cannot be opened;
    /// `Unsupported` when a later release brought it up to date.
    pub async fn open(path: impl AsRef<Path>, key: impl Into<Option<SecretKey>>) -> Result<Self> {
        let backend = SqliteBackend::open(path.as_ref()).await?;
        let key = key.into();
        Ok(Self { store: Arc::new(Store::open(backend, key.as_ref()).await?) })
    }

    /// Ends the connections; a dropped store does so a little later by itself.
    pub async fn close(self) {
        at_rest(self.store).await.backend.close().await;
    }
}

forward_state_store!(SqliteStore);
