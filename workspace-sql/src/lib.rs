//! The state of a fleet in SQLite (`SqliteStore`, feature `sqlite`) or Postgres (`PostgresStore`, feature
//! `postgres`).
//!
//! Both keep every rule of [`StateStore`](workspace_core::port::StateStore). The writes, guards and mappings are
//! written once, on portable SQL; what differs between the two stands in one module each. Secrets are sealed with a
//! [`SecretKey`] before they are written.
#![cfg_attr(
    not(any(feature = "sqlite", feature = "postgres")),
    expect(dead_code, reason = "without a database there is nobody to write")
)]

mod backend;
mod change;
mod cursor;
mod fault;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod forward;
mod joint;
mod locks;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod migrations;
#[cfg(feature = "postgres")]
mod postgres;
mod rows;
mod seal;
mod secret_key;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod value;

#[cfg(feature = "postgres")]
pub use postgres::{PostgresConfig, PostgresStore};
pub use secret_key::SecretKey;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
