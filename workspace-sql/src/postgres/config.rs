//! How to use a Postgres database.

use workspace_core::error::{Error, Result};

/// How a [`PostgresStore`](crate::PostgresStore) uses its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresConfig {
    /// The schema of our tables, made if it is missing: 1 to 48 characters of `a-z 0-9 _`, a letter first.
    pub schema: String,
    /// At most this many connections.
    pub connections: u32,
}

impl Default for PostgresConfig {
    fn default() -> Self {
        Self { schema: "workspace".to_owned(), connections: 16 }
    }
}

impl PostgresConfig {
    pub(super) fn check(&self) -> Result<()> {
        let name = &self.schema;
        let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let letter = name.starts_with(|first: char| first.is_ascii_lowercase());
        if name.len() > 48 || !plain || !letter || name.starts_with("pg_") {
            return Err(Error::invalid("schema", format!("{name:?} is no name for our schema"))
                .hint("take 1 to 48 characters of a-z, 0-9 and _, a letter first, not pg_"));
        }
        if self.connections == 0 {
            return Err(Error::invalid("connections", "a store needs a connection").hint("take 16"));
        }
        Ok(())
    }
}
