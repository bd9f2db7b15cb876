//! SQLite: one file, one master.

mod backend;
mod file;
mod store;

pub use store::SqliteStore;
