//! The API in process, on the memory store and simulated servers.

#![cfg(test)]

mod bodies;
mod conventions;
mod documents;
mod exec;
mod files;
mod fleet;
mod health;
mod idempotency;
mod rig;
mod servers;
mod streams;
mod tokens;
mod usage;
mod workspaces;
