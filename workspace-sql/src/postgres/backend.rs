//! How Postgres carries statements out.

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Postgres, Row as _, Transaction, TypeInfo, ValueRef};
use workspace_core::error::Result;

use super::PostgresConfig;
use crate::backend::{Backend, Dialect, Session};
use crate::fault::failed;
use crate::migrations::{migration_failed, migrator};
use crate::value::{Field, Row, Value};

/// A connection that rested longer is asked whether it still lives; a busy one answers for itself.
const RESTED: Duration = Duration::from_secs(1);

/// Connections to a database with our schema.
#[derive(Debug)]
pub(crate) struct PostgresBackend {
    pool: PgPool,
    dialect: Dialect,
}

impl PostgresBackend {
    pub(super) async fn open(url: &str, config: &PostgresConfig) -> Result<Self> {
        config.check()?;
        let options = PgConnectOptions::from_str(url).map_err(failed)?.application_name("workspace-fleet");
        // A pool tries again and again; the first connection says at once what is wrong.
        options.connect().await.map_err(failed)?.close().await.map_err(failed)?;
        let pool = PgPoolOptions::new()
            .max_connections(config.connections)
            // A burst waits for its turn; a database that is gone says so at once.
            .acquire_timeout(Duration::from_secs(20))
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > RESTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await
            .map_err(failed)?;
        let dialect = Dialect {
            prefix: format!("{}.", config.schema),
            now: "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
            greatest: "greatest",
            locks_rows: true,
        };
        let texts = [
            (1, "fleet", include_str!("../../migrations/postgres/0001_fleet.sql")),
            (2, "jobs", include_str!("../../migrations/postgres/0002_jobs.sql")),
            (7, "usage", include_str!("../../migrations/postgres/0007_usage.sql")),
            (8, "audit", include_str!("../../migrations/postgres/0008_audit.sql")),
        ];
        let mut migrator = migrator(&dialect, format!("{}._migrations", config.schema), &texts);
        migrator.create_schema(config.schema.clone());
        migrator.run(&pool).await.map_err(migration_failed)?;
        Ok(Self { pool, dialect })
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

#[async_trait]
impl Backend for PostgresBackend {
    type Session = Transaction<'static, Postgres>;

    fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    async fn begin(&self) -> Result<Self::Session, sqlx::Error> {
        self.pool.begin().await
    }

    async fn read(&self, sql: String, values: Vec<Value>) -> Result<Vec<Row>, sqlx::Error> {
        rows(&bound(sql, values).fetch_all(&self.pool).await?)
    }
}

#[async_trait]
impl Session for Transaction<'static, Postgres> {
    async fn run(&mut self, sql: String, values: Vec<Value>) -> Result<Vec<Row>, sqlx::Error> {
        rows(&bound(sql, values).fetch_all(&mut **self).await?)
    }

    async fn write(&mut self, sql: String, values: Vec<Value>) -> Result<u64, sqlx::Error> {
        Ok(bound(sql, values).execute(&mut **self).await?.rows_affected())
    }

    async fn commit(self) -> Result<(), sqlx::Error> {
        Transaction::commit(self).await
    }

    async fn roll_back(self) -> Result<(), sqlx::Error> {
        self.rollback().await
    }
}

/// The text is ours with a checked prefix; what comes from outside is bound.
fn bound(sql: String, values: Vec<Value>) -> Query<'static, Postgres, PgArguments> {
    values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
        Value::Id(value) => query.bind(value),
        Value::Ids(values) => query.bind(values),
        Value::Ints(values) => query.bind(values),
        Value::Texts(values) => query.bind(values),
        Value::Blobs(values) => query.bind(values),
    })
}

fn rows(rows: &[PgRow]) -> Result<Vec<Row>, sqlx::Error> {
    rows.iter()
        .map(|row| (0..row.len()).map(|index| field(row, index)).collect::<Result<_, _>>().map(Row::new))
        .collect()
}

fn field(row: &PgRow, index: usize) -> Result<Field, sqlx::Error> {
    if row.try_get_raw(index)?.is_null() {
        return Ok(Field::Null);
    }
    match row.column(index).type_info().name() {
        "INT8" => row.try_get(index).map(Field::Int),
        "INT4" => row.try_get::<i32, _>(index).map(|value| Field::Int(i64::from(value))),
        "TEXT" => row.try_get(index).map(Field::Text),
        "UUID" => row.try_get(index).map(Field::Id),
        _ => row.try_get(index).map(Field::Bytes),
    }
}
