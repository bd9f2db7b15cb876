//! The core of workspace-fleet: model, ports, placement and orchestrator.
//!
//! Core does no I/O and knows no Docker, SQL, S3, git or HTTP: everything outside comes through the traits in
//! [`port`]. Time, randomness and ids come from an [`environment::Environment`], so that the orchestrator runs
//! unchanged inside a seeded simulator with virtual time.
//!
//! Arrows inside: leaf types ([`id`], [`error`], [`resources`], [`label`], [`clock`], [`event`], [`secret`]) <-
//! [`model`] <- [`port`] <- [`placement`] <- [`orchestrator`].

pub mod channel;
pub mod clock;
pub mod environment;
pub mod error;
pub mod event;
pub mod id;
pub mod job;
pub mod label;
pub mod memory;
pub mod model;
pub mod orchestrator;
pub mod placement;
pub mod port;
pub mod resources;
pub mod secret;
mod signal;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
