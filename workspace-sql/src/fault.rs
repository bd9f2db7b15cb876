//! What can go wrong in a database, and what that means for the caller.

use workspace_core::error::{Error, ErrorKind};
use workspace_core::port::Refused;

/// Why a change, or a query, did not come to its end.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A guard refused it.
    Refused(Refused),
    /// Another transaction was in the way, and nothing was written: it may be tried again.
    Again(Option<sqlx::Error>),
    /// The store failed.
    Failed(Error),
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        if is_collision(&error) { Self::Again(Some(error)) } else { Self::Failed(failed(error)) }
    }
}

impl Fault {
    /// The error for a caller that cannot be told of a refusal.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Refused(refused) => Error::new(ErrorKind::Internal, format!("unexpected refusal {refused:?}")),
            Self::Again(error) => {
                let busy = Error::new(ErrorKind::StoreUnavailable, "the store is too busy")
                    .hint("try again; if it stays so, look for long transactions in the database");
                match error {
                    Some(error) => busy.source(error),
                    None => busy,
                }
            }
            Self::Failed(error) => error,
        }
    }
}

/// Whether two transactions met: deadlock, serialization failure, a lock that was not had in time, or a unique key
/// that another transaction took between our guard and our write. The database has undone ours.
fn is_collision(error: &sqlx::Error) -> bool {
    let Some(database) = error.as_database_error() else { return false };
    if database.is_unique_violation() {
        return true;
    }
    // Postgres: serialization failure, deadlock, lock not available. SQLite (without extended codes): busy, locked.
    let code = database.code().unwrap_or_default();
    matches!(&*code, "40001" | "40P01" | "55P03") || sqlite_primary(&code).is_some_and(|code| matches!(code, 5 | 6))
}

/// SQLite's codes are numbers; the low byte is the kind. Postgres's codes have five characters.
fn sqlite_primary(code: &str) -> Option<u32> {
    if code.len() >= 5 { None } else { code.parse::<u32>().ok().map(|code| code & 0xFF) }
}

/// The error of a database as the library shows it.
pub(crate) fn failed(error: sqlx::Error) -> Error {
    let Some(database) = error.as_database_error() else {
        return match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::BeginFailed
            | sqlx::Error::WorkerCrashed => unavailable().source(error),
            sqlx::Error::Configuration(_) => Error::invalid("database_url", "the database's address makes no sense")
                .hint("it looks like postgres://user:password@host:5432/database")
                .source(error),
            error => internal().source(error),
        };
    };
    let code = database.code().unwrap_or_default().into_owned();
    // Classes of Postgres: connection, authorization, missing database, read-only, resources, intervention, system.
    let postgres = ["08", "28", "3D", "25006", "53", "57", "58"].iter().any(|class| code.starts_with(class));
    if code.len() == 5 && postgres {
        return unavailable().source(error);
    }
    if code == "22021" {
        return Error::invalid("text", "the store keeps no text with a NUL character").source(error);
    }
    match sqlite_primary(&code) {
        // Busy, locked, read-only, interrupted, input or output, full, cannot open.
        Some(5 | 6 | 8 | 9 | 10 | 13 | 14) => unavailable().source(error),
        Some(26) => Error::invalid("path", "the file is no SQLite database").source(error),
        _ => internal().source(error),
    }
}

pub(crate) fn unavailable() -> Error {
    Error::new(ErrorKind::StoreUnavailable, "the store cannot be reached")
        .hint("see that the database runs, accepts our user and has room, then try again")
}

fn internal() -> Error {
    Error::new(ErrorKind::Internal, "the store refused a statement of ours")
        .hint("this is a mistake in the library: please report it with the chain of errors")
}
