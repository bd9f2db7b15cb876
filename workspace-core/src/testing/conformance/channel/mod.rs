//! The suite of [`Channel`](crate::port::Channel): one function per rule.
//!
//! A rule takes a new channel into a running container that has `sh` with the usual small programs (busybox is
//! enough). Rules work in folders of their own below `/workspace` and leave them behind.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a rule that does not hold ends the test that runs it, and each says so in its first sentence"
)]

pub mod checks;
pub mod ends;
pub mod exec;
pub mod files;
mod rig;
mod run;

pub use run::{run_all, run_exec};
