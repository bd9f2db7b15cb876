//! The suite of [`ServerPool`](crate::port::ServerPool) and [`Server`](crate::port::Server): one function per rule.
//!
//! Rules make objects of a fleet of their own, with names of their own, and remove them; a rule that does not hold
//! leaves its objects behind, labelled with [`Subject::fleet`].
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a rule that does not hold ends the test that runs it, and each says so in its first sentence"
)]

pub mod channels;
pub mod containers;
pub mod labels;
pub mod logs;
pub mod networks;
pub mod pool;
mod rig;
mod run;
mod subject;

pub use run::{run_all, run_without_worker};
pub use subject::Subject;
