//! The worker: its program, and its steps that move data, composed of git and object storage.
//!
//! The program does them inside containers; a master whose servers are local does them itself:
//! `LocalPool::with_jobs(Arc::new(worker::WorkerSteps))`.

mod command;
mod job;
mod program;
mod steps;

pub use program::program;
pub use steps::WorkerSteps;
