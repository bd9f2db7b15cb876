//! Containers on an Engine.

mod body;
mod logs;
mod made;
mod make;
mod remove;
mod start;
mod state;
mod stats;

pub(crate) use body::{Publish, WORKER_PATH, body, check_spec};
pub(crate) use logs::logs;
pub(crate) use made::MadeHere;
pub(crate) use make::make;
pub(crate) use remove::{remove, remove_id};
pub(crate) use start::{start, stop};
pub(crate) use state::{find, inspect, list};
pub(crate) use stats::stats;
