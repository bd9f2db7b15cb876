//! Files below one directory, reached without following any link.

mod failure;
mod root;
mod tree_path;

pub(crate) use failure::file_error;
pub(crate) use root::{Root, times};
pub(crate) use tree_path::{join, split};

/// How the directory in a target begins in which a merge makes files before it moves them. What a process that was
/// killed left of one is no data: no snapshot takes it, and the next merge removes it.
pub(crate) const STAGE: &[u8] = b".workspace-restore-";
