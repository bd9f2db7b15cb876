//! The databases.

use std::sync::Arc;

use tempfile::TempDir;
use workspace_fleet::environment::Environment;
use workspace_fleet::error::Result;
use workspace_fleet::port::StateStore;
use workspace_fleet::sql::{PostgresConfig, PostgresStore, SecretKey, SqliteStore};

use crate::fleet::broken;

/// Connections of a Postgres store, and so commits that go on at once where each has a transaction of its own.
const CONNECTIONS: u32 = 16;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file on the disk of `/var/tmp`, `synchronous = FULL`.
    Sqlite,
    /// The server of `DATABASE_URL`, as it is set up.
    Postgres,
}

impl Database {
    /// Its name in the figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// A fresh state, and the stores on it.
#[derive(Debug)]
pub struct Place {
    _folder: Option<TempDir>,
    address: Option<(String, PostgresConfig, SecretKey)>,
    /// A store as a master has it: what waits is committed together.
    pub(super) store: Arc<dyn StateStore>,
}

impl Place {
    /// A fresh state.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn new(database: Database) -> Result<Self> {
        let key = SecretKey::generate();
        match database {
            Database::Sqlite => {
                let folder = tempfile::tempdir_in("/var/tmp").map_err(|error| broken("no folder").source(error))?;
                let store = Arc::new(SqliteStore::open(folder.path().join("state.db"), key).await?);
                Ok(Self { _folder: Some(folder), address: None, store })
            }
            Database::Postgres => {
                let url = std::env::var("DATABASE_URL").map_err(|_| {
                    broken("DATABASE_URL is not set").hint("fleet/postgres up prints one; make bench-placement does it")
                })?;
                let schema = format!("bench_{}", Environment::system().uuid().simple());
                let config = PostgresConfig { schema, connections: CONNECTIONS };
                let store = Arc::new(PostgresStore::open_with(&url, key.clone(), &config).await?);
                Ok(Self { _folder: None, address: Some((url, config, key)), store })
            }
        }
    }

    /// Another master's store on the same state.
    ///
    /// # Errors
    /// When the database cannot be reached, and for `SQLite`, which has one master.
    pub async fn again(&self) -> Result<Arc<dyn StateStore>> {
        self.connected(CONNECTIONS).await
    }

    /// Stores of which each is to have one commit at a time: then every commit has a transaction of its own.
    pub(super) async fn apart(&self) -> Result<Vec<Arc<dyn StateStore>>> {
        let mut stores = Vec::new();
        if self.address.is_none() {
            return Ok(vec![Arc::clone(&self.store)]);
        }
        for _ in 0..CONNECTIONS {
            stores.push(self.connected(1).await?);
        }
        Ok(stores)
    }

    async fn connected(&self, connections: u32) -> Result<Arc<dyn StateStore>> {
        let Some((url, config, key)) = &self.address else { return Err(broken("SQLite has one master")) };
        let config = PostgresConfig { connections, ..config.clone() };
        Ok(Arc::new(PostgresStore::open_with(url, key.clone(), &config).await?))
    }
}
