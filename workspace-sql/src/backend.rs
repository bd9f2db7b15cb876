//! What the writes and queries need from a database, and how portable SQL becomes its own.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::value::{Row, Value};

/// How a database says what the standard leaves open.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// What stands before the name of each table: a schema or a prefix.
    pub(crate) prefix: String,
    /// The database's clock in microseconds since 1970.
    pub(crate) now: &'static str,
    /// The larger of two numbers.
    pub(crate) greatest: &'static str,
    /// Whether rows are locked one by one; otherwise a transaction has the whole database.
    pub(crate) locks_rows: bool,
}

impl Dialect {
    /// Turns our SQL into the database's: `@` before tables, `#now`, `#greatest`, `#lock` (rows that will be changed),
    /// `#lock_w` and `#lock_j` (those of `w` or `j` alone) and `#hold` (rows that must stay).
    pub(crate) fn render(&self, sql: &str) -> String {
        let [lock, lock_w, lock_j, hold] = if self.locks_rows {
            ["FOR UPDATE", "FOR UPDATE OF w", "FOR UPDATE OF j", "FOR KEY SHARE"]
        } else {
            [""; 4]
        };
        sql.replace('@', &self.prefix)
            .replace("#now", self.now)
            .replace("#greatest", self.greatest)
            .replace("#lock_w", lock_w)
            .replace("#lock_j", lock_j)
            .replace("#lock", lock)
            .replace("#hold", hold)
    }
}

/// A database.
#[async_trait]
pub(crate) trait Backend: Debug + Send + Sync + 'static {
    /// A transaction; undone when it is dropped.
    type Session: Session;

    /// How it writes SQL.
    fn dialect(&self) -> &Dialect;

    /// Begins a transaction that will write.
    async fn begin(&self) -> Result<Self::Session, sqlx::Error>;

    /// Asks for rows; every transaction that was committed before is seen.
    async fn read(&self, sql: String, values: Vec<Value>) -> Result<Vec<Row>, sqlx::Error>;
}

/// A transaction.
#[async_trait]
pub(crate) trait Session: Send {
    /// Carries one statement out.
    async fn run(&mut self, sql: String, values: Vec<Value>) -> Result<Vec<Row>, sqlx::Error>;

    /// Carries one statement out whose answer is how many rows it wrote.
    async fn write(&mut self, sql: String, values: Vec<Value>) -> Result<u64, sqlx::Error>;

    /// Makes it last.
    async fn commit(self) -> Result<(), sqlx::Error>;

    /// Undoes it.
    async fn roll_back(self) -> Result<(), sqlx::Error>;
}
