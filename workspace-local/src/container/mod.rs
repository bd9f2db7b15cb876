//! Containers that are child processes.

mod entity;
mod log;
mod record;
mod run;
mod stats;

pub(crate) use entity::Container;
