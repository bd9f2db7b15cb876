//! The worker's side of a job; [`workspace_core::job`] is the protocol.

mod agent;
mod data;
mod events;
mod fit;
mod mask;
mod output;
mod request;
mod serve;
mod setup;
mod stdio;
mod stop;

pub use data::{DataSteps, JobFolders};
pub use serve::{JobEnd, serve_job};
pub use setup::JobSetup;
pub use stdio::serve_job_stdio;
