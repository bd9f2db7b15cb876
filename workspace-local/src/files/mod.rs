//! Files below one folder. Nothing that a path or a link says leads out of it.

mod delete;
mod error;
mod list;
mod path;
mod prepare;
mod read;
mod root;
mod usage;
mod write;

pub(crate) use error::file_error;
pub(crate) use path::RelativePath;
pub(crate) use root::Root;
pub use usage::{folder_is_empty, folder_usage};

pub(crate) use delete::empty_folder;
pub use delete::remove_folder;
pub use prepare::prepare_folder;
