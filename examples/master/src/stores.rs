//! The state behind the fleet.

use std::sync::Arc;

use workspace_fleet::MemoryStore;
use workspace_fleet::environment::Environment;
use workspace_fleet::error::Result;
use workspace_fleet::port::StateStore;
use workspace_fleet::sql::{PostgresStore, SqliteStore};

use crate::settings::{Settings, StoreKind};

/// The store that the settings ask for.
pub(crate) async fn open(settings: &Settings) -> Result<Arc<dyn StateStore>> {
    let key = settings.secret_key.clone();
    Ok(match &settings.store {
        StoreKind::Sqlite => Arc::new(SqliteStore::open(settings.data_dir.join("fleet.db"), key).await?),
        StoreKind::Postgres(url) => Arc::new(PostgresStore::open(url.reveal(), key).await?),
        StoreKind::Memory => Arc::new(MemoryStore::new(Environment::system())),
    })
}
