//! Reading a file.

use std::fs::File;

use rustix::fs::{OFlags, fstat};
use workspace_core::error::{Error, Result};
use workspace_core::port::{FileEntry, FileKind, MAX_FILE_BYTES};

use crate::files::error::file_error;
use crate::files::path::RelativePath;
use crate::files::root::{Root, entry};

impl Root {
    /// Opens a regular file for reading and tells what it is.
    pub(crate) fn open_file(&self, path: &RelativePath) -> Result<(File, FileEntry)> {
        let shown = path.to_string();
        // A pipe without a writer would hold the open up for ever.
        let opened = self.open_beneath(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY);
        let opened = opened.map_err(|error| file_error(error, &shown))?;
        let stat = fstat(&opened).map_err(|error| file_error(error, &shown))?;
        let entry = entry(&stat, shown);
        match entry.kind {
            FileKind::File if entry.size <= MAX_FILE_BYTES => Ok((File::from(opened), entry)),
            FileKind::File => {
                let message = format!("{} is larger than 64 MiB", entry.path);
                Err(Error::invalid("path", message).hint("read it in parts with a program, or take the archive"))
            }
            FileKind::Directory => {
                Err(Error::invalid("path", format!("{} is a folder", entry.path)).hint("list it, or read a file in it"))
            }
            _ => Err(Error::invalid("path", format!("{} is not a regular file", entry.path))),
        }
    }
}
