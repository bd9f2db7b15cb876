//! Making snapshots.

mod base;
mod contents;
mod file_reader;
mod packer;
mod reuse;
mod segment;
mod snapshot;
mod trees;

pub(crate) use base::Base;
pub(crate) use snapshot::{Making, make};
