//! Fresh schemas in the database of `WORKSPACE_TEST_DATABASE_URL`.

pub(crate) mod proxy;

use std::sync::Mutex;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use workspace_core::environment::Environment;
use workspace_sql::{PostgresConfig, PostgresStore, SecretKey};

/// The database, and the schemas of ours in it.
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) key: SecretKey,
    schemas: Mutex<Vec<String>>,
    connection: tokio::sync::Mutex<Option<PgConnection>>,
}

impl Database {
    pub(crate) fn new() -> Self {
        let url = std::env::var("WORKSPACE_TEST_DATABASE_URL")
            .expect("WORKSPACE_TEST_DATABASE_URL names a Postgres for tests: start one with fleet/postgres");
        Self { url, key: SecretKey::generate(), schemas: Mutex::default(), connection: tokio::sync::Mutex::default() }
    }

    /// A store in a schema that did not exist.
    pub(crate) async fn fresh(&self) -> PostgresStore {
        self.name();
        self.again().await
    }

    /// The name of a schema that does not exist.
    pub(crate) fn name(&self) -> PostgresConfig {
        self.schemas.lock().unwrap().push(format!("test_{}", Environment::system().uuid().simple()));
        self.config()
    }

    pub(crate) fn config(&self) -> PostgresConfig {
        let schema = self.schemas.lock().unwrap().last().unwrap().clone();
        PostgresConfig { schema, connections: 8 }
    }

    /// Empties the tables of the last schema, which is much faster than another.
    pub(crate) async fn clear(&self) {
        for table in [
            "masters",
            "servers",
            "reservations",
            "projects",
            "workspaces",
            "network_slots",
            "streams",
            "events",
            "audit",
            "tokens",
            "idempotency",
            "usage",
        ] {
            self.execute(&format!("DELETE FROM @{table}")).await.unwrap();
        }
    }

    /// Another store in the last schema.
    pub(crate) async fn again(&self) -> PostgresStore {
        PostgresStore::open_with(&self.url, self.key.clone(), &self.config()).await.unwrap()
    }

    /// Carries a statement out; `@` stands for the last schema.
    pub(crate) async fn execute(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = sql.replace('@', &format!("{}.", self.config().schema));
        let mut connection = self.connection.lock().await;
        let connection = match &mut *connection {
            Some(connection) => connection,
            none => none.insert(PgConnection::connect(&self.url).await?),
        };
        Ok(sqlx::query(AssertSqlSafe(sql)).execute(connection).await?.rows_affected())
    }

    /// Removes what this made; a failed test leaves its schemas to be looked at.
    pub(crate) async fn drop_all(self) {
        for schema in self.schemas.into_inner().unwrap() {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            let sql = AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"));
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        }
    }
}
