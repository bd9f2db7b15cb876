//! Containers that are child processes.

mod entity;
mod job;
mod log;
mod record;
mod run;
mod stats;

pub(crate) use entity::Container;
