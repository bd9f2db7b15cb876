//! The worker program on a server: its image, its volume, and running it.

mod archive;
mod preparation;
mod program;

pub use archive::WorkerImage;
pub(crate) use preparation::{Worker, copy_up, missing};
pub(crate) use program::{Run, run};
