//! Bringing a database's tables up to date.

use sqlx::AssertSqlSafe;
use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use workspace_core::error::{Error, ErrorKind};

use crate::backend::Dialect;
use crate::fault::failed;

/// The migrations of a database, written for its tables' names.
pub(crate) fn migrator(dialect: &Dialect, table: String, texts: &[(i64, &'static str, &str)]) -> Migrator {
    let migrations = texts.iter().map(|&(version, description, text)| {
        let text = AssertSqlSafe(dialect.render(text)).into_sql_str();
        Migration::new(version, description.into(), MigrationType::Simple, text, false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name(table);
    migrator
}

/// Why the tables could not be brought up to date.
pub(crate) fn migration_failed(error: MigrateError) -> Error {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failed(error),
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => {
            Error::new(ErrorKind::Unsupported, "the store was brought up to date by a later release")
                .hint("use that release or a later one with this store")
                .source(error)
        }
        error => Error::new(ErrorKind::Internal, "the store's tables could not be brought up to date")
            .hint("restore the database from a backup, or report this with the chain of errors")
            .source(error),
    }
}
