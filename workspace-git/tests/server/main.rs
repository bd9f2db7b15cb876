//! This backend on a real git server: `fleet/git-server`.

mod canary;
mod common;
mod forward;
mod hostile;
mod local;
mod refusals;
mod submodules;
mod trips;
