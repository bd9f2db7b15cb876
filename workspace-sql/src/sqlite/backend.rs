//! How SQLite carries statements out.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Row as _, Sqlite, Transaction, TypeInfo, ValueRef};
use workspace_core::error::Result;

use super::file;
use crate::backend::{Backend, Dialect, Session};
use crate::fault::failed;
use crate::migrations::{migration_failed, migrator};
use crate::value::{Field, Row, Value};

/// Readers beside the one writer.
const READERS: u32 = 4;

/// One writer and some readers of a file that nobody else has.
#[derive(Debug)]
pub(crate) struct SqliteBackend {
    writer: SqlitePool,
    readers: SqlitePool,
    dialect: Dialect,
    /// Held until the store is gone.
    _lock: File,
}

impl SqliteBackend {
    pub(super) async fn open(path: &Path) -> Result<Self> {
        let lock = file::lock(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit survives the loss of power, not only the death of the process.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5));
        let pool = |connections, options| async move {
            let pool = SqlitePoolOptions::new()
                .max_connections(connections)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false);
            pool.connect_with(options).await.map_err(failed)
        };
        let writer = pool(1, options.clone()).await?;
        let dialect = Dialect {
            prefix: "workspace_".to_owned(),
            now: "(CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000)",
            greatest: "max",
            locks_rows: false,
        };
        let texts = [
            (1, "fleet", include_str!("../../migrations/sqlite/0001_fleet.sql")),
            (2, "jobs", include_str!("../../migrations/sqlite/0002_jobs.sql")),
            (7, "usage", include_str!("../../migrations/sqlite/0007_usage.sql")),
            (8, "audit", include_str!("../../migrations/sqlite/0008_audit.sql")),
        ];
        let migrator = migrator(&dialect, "workspace__migrations".to_owned(), &texts);
        migrator.run(&writer).await.map_err(migration_failed)?;
        let readers = pool(READERS, options.read_only(true)).await?;
        Ok(Self { writer, readers, dialect, _lock: lock })
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Backend for SqliteBackend {
    type Session = Transaction<'static, Sqlite>;

    fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    async fn begin(&self) -> Result<Self::Session, sqlx::Error> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    async fn read(&self, sql: String, values: Vec<Value>) -> Result<Vec<Row>, sqlx::Error> {
        rows(&bound(sql, values).fetch_all(&self.readers).await?)
    }
}

#[async_trait]
impl Session for Transaction<'static, Sqlite> {
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

/// The text is ours with a fixed prefix; what comes from outside is bound.
fn bound(sql: String, values: Vec<Value>) -> Query<'static, Sqlite, SqliteArguments> {
    values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
        Value::Id(value) => query.bind(value.map(|id| id.to_string())),
        // Only databases that lock rows are asked with lists.
        Value::Ids(_) | Value::Ints(_) | Value::Texts(_) | Value::Blobs(_) => query.bind(None::<i64>),
    })
}

fn rows(rows: &[SqliteRow]) -> Result<Vec<Row>, sqlx::Error> {
    rows.iter()
        .map(|row| (0..row.len()).map(|index| field(row, index)).collect::<Result<_, _>>().map(Row::new))
        .collect()
}

fn field(row: &SqliteRow, index: usize) -> Result<Field, sqlx::Error> {
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(Field::Null);
    }
    match raw.type_info().name() {
        "INTEGER" => row.try_get(index).map(Field::Int),
        "TEXT" => row.try_get(index).map(Field::Text),
        _ => row.try_get(index).map(Field::Bytes),
    }
}
