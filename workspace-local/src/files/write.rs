//! Writing a file: into a new one beside it, which takes its place at the end.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fchmod, openat, renameat, statat, unlinkat};
use workspace_core::environment::Environment;
use workspace_core::error::{Error, Result};
use workspace_core::port::FileEntry;

use crate::files::error::file_error;
use crate::files::path::RelativePath;
use crate::files::root::Root;

/// A file on its way. Dropping it before [`Upload::finish`] leaves everything as it was.
#[derive(Debug)]
pub(crate) struct Upload {
    folder: OwnedFd,
    file: File,
    temporary: String,
    name: String,
    shown: String,
    finished: bool,
}

impl Root {
    /// Begins to write a file; missing folders are made.
    pub(crate) fn upload(&self, path: &RelativePath, mode: Option<u32>) -> Result<Upload> {
        let shown = path.to_string();
        let Some((above, name)) = path.split() else {
            return Err(Error::invalid("path", "the path of a file is needed"));
        };
        let failed = |error| file_error(error, &shown);
        let folder = self.make_folder(&above).map_err(failed)?;
        let there = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).ok();
        let kind = there.as_ref().map(|stat| FileType::from_raw_mode(stat.st_mode));
        if kind == Some(FileType::Directory) {
            return Err(Error::invalid("path", format!("{shown} is a folder")));
        }
        let kept = there.filter(|_| kind == Some(FileType::RegularFile)).map(|stat| stat.st_mode & 0o777);
        let mode = mode.map(|mode| mode & 0o777).or(kept).unwrap_or(0o644);
        let temporary = format!(".~workspace-{:016x}", Environment::system().number());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(&folder, temporary.as_str(), flags, Mode::from_raw_mode(0o600)).map_err(failed)?;
        let file = File::from(opened);
        let name = name.to_owned();
        let upload = Upload { folder, file, temporary, name, shown, finished: false };
        fchmod(&upload.file, Mode::from_raw_mode(mode)).map_err(|error| file_error(error, &upload.shown))?;
        Ok(upload)
    }
}

impl Upload {
    /// Adds bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| file_error(error, &self.shown))
    }

    /// Puts the file in its place, at once for every reader.
    pub(crate) fn finish(mut self) -> Result<FileEntry> {
        renameat(&self.folder, self.temporary.as_str(), &self.folder, self.name.as_str())
            .map_err(|error| file_error(error, &self.shown))?;
        self.finished = true;
        Root::entry(&self.folder, &self.name, self.shown.clone())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing to do about what cannot be removed.
            let _ = unlinkat(&self.folder, self.temporary.as_str(), AtFlags::empty());
        }
    }
}
