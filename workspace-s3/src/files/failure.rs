//! What the system says of files, as errors of ours.

use rustix::io::Errno;
use workspace_core::error::{Error, ErrorKind};

use crate::report::shown;

/// The error of an operation on a path below the root.
pub(crate) fn file_error(error: Errno, path: &[u8]) -> Error {
    let path: String =
        if path.is_empty() { "the tree itself".to_owned() } else { shown(path).chars().take(300).collect() };
    match error {
        Errno::NOSPC | Errno::DQUOT => {
            Error::new(ErrorKind::DiskFull, format!("there is no room on the disk for {path}"))
                .hint("make room on the server, or ask for more disk")
        }
        Errno::ACCESS | Errno::PERM | Errno::ROFS => {
            Error::new(ErrorKind::Conflict, format!("the permissions do not allow to work on {path}"))
                .hint("look at the owner and the mode of the file and of its folder")
        }
        Errno::XDEV | Errno::LOOP | Errno::NOTDIR => {
            Error::new(ErrorKind::Conflict, format!("{path} lies behind a link or is no directory"))
                .hint("links are never followed: nothing outside of the tree is touched")
        }
        Errno::EXIST | Errno::NOTEMPTY => {
            Error::new(ErrorKind::Conflict, format!("{path} appeared while the snapshot was restored"))
                .hint("let nothing else write there meanwhile")
        }
        _ => Error::new(ErrorKind::Internal, format!("{path} could not be worked on")),
    }
    .source(std::io::Error::from(error))
}
