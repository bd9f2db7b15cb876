//! What the system says of files, as errors of ours.

use std::io;

use rustix::io::Errno;
use workspace_core::error::{Error, ErrorKind};

/// The error of an operation on a path.
pub(crate) fn file_error(error: impl Into<io::Error>, path: &str) -> Error {
    let error = error.into();
    let path: String = path.chars().take(300).collect();
    let leaves = || {
        Error::invalid("path", format!("the path {path} leaves the workspace through a link"))
            .hint("links are followed only where they stay inside and are relative")
    };
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT | Errno::NOTDIR) => {
            return Error::new(ErrorKind::FileNotFound, format!("there is no {path} in the workspace"));
        }
        Some(Errno::XDEV | Errno::LOOP) => leaves(),
        Some(Errno::ISDIR) => Error::invalid("path", format!("{path} is a folder")),
        Some(Errno::NAMETOOLONG) => Error::invalid("path", "the path is too long"),
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => {
            Error::new(ErrorKind::Conflict, format!("the workspace's user may not do this to {path}"))
                .hint("look at the permissions of the file and of its folder")
        }
        Some(Errno::NOSPC | Errno::DQUOT) => {
            Error::new(ErrorKind::DiskFull, format!("there is no room on the disk for {path}"))
                .hint("delete files in the workspace or ask for more disk")
        }
        _ => Error::new(ErrorKind::Internal, format!("the file {path} could not be worked on")),
    }
    .source(error)
}
