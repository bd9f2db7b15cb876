//! One suite per port, run on every implementation.

pub mod agent_runner;
pub mod channel;
pub mod server;
pub mod state_store;
pub mod sync_backend;
pub mod volume_store;
