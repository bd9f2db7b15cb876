//! A store that lives as long as the process: for tests, the simulator and the quick start.

mod books;
mod change;
mod data;
mod jobs;
mod leases;
mod projects;
mod prune;
mod reservations;
mod servers;
mod store;
mod tables;
mod usage;
mod workspaces;

pub use store::MemoryStore;
