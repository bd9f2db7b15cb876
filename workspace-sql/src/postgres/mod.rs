//! Postgres: several masters on one state.

mod backend;
mod config;
mod store;

pub use config::PostgresConfig;
pub use store::PostgresStore;
