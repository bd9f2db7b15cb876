//! Servers that are directories and containers that are child processes; and the worker, the program beside the data.
//!
//! [`LocalPool`] is the fleet that needs nothing: no Docker, no database, no object storage, and **no isolation**.
//! It needs Linux (`/proc`, `openat2`, pidfds).
//!
//! [`serve_channel`] is the worker's side of a [channel](workspace_core::channel), and [`serve_job`] that of a
//! [job](workspace_core::job), the same in a container and here.

mod channel;
mod container;
mod files;
mod job;
mod process;
mod server;

pub use channel::{ChannelSetup, serve_channel, serve_stdio};
pub use files::{folder_is_empty, folder_usage, prepare_folder, remove_folder};
pub use job::{DataSteps, JobEnd, JobFolders, JobSetup, serve_job, serve_job_stdio};
pub use process::ProcessHost;
pub use server::{LocalPool, LocalServer, LocalVolumes};
