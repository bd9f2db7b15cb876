//! Files below one directory, reached without following any link.

mod failure;
mod root;
mod tree_path;

pub(crate) use failure::file_error;
pub(crate) use root::{Root, times};
pub(crate) use tree_path::{join, split};
