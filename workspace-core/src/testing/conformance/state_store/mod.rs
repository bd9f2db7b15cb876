//! The suite of [`StateStore`](crate::port::StateStore): one function per rule.
//!
//! A rule takes a store, or the stores of several masters on one database, and ends its test with an assertion that
//! names the rule. Rules use rows of their own, but some count on an empty store: give each a fresh one.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a rule that does not hold ends the test that runs it, and each says so in its first sentence"
)]

pub mod atomicity;
pub mod audit;
pub mod data;
pub mod driving;
pub mod events;
pub mod jobs;
pub mod leases;
pub mod lists;
pub mod networks;
pub mod projects;
pub mod pruning;
pub mod remembering;
pub mod reservations;
mod rig;
mod run;
pub mod servers;
pub mod tokens;
pub mod usage;
pub mod workspaces;

pub use run::{run_all, run_contended};
