//! The folder that everything is below, and the only way to open something in it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat, mkdirat, open, openat, openat2, statat};
use rustix::io::Errno;
use workspace_core::clock::Timestamp;
use workspace_core::error::{Error, ErrorKind, Result};
use workspace_core::port::{FileEntry, FileKind};

use crate::files::error::file_error;
use crate::files::path::RelativePath;

/// A folder. Links are followed while they stay below it.
#[derive(Clone, Debug)]
pub(crate) struct Root(Arc<OwnedFd>);

impl Root {
    /// Opens the folder.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = open(folder, flags, Mode::empty()).map_err(|error| {
            Error::new(ErrorKind::FileNotFound, "the workspace's folder cannot be opened").source(error)
        })?;
        Ok(Self(Arc::new(opened)))
    }

    /// Opens what is at a path; the last part too is followed when it is a link that stays below.
    pub(super) fn open_beneath(&self, path: &RelativePath, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC;
        let text = if path.parts().is_empty() { ".".to_owned() } else { path.to_string() };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        loop {
            match openat2(&*self.0, text.as_str(), flags, Mode::empty(), resolve) {
                // Something was renamed at the same moment: asked for by the call's own manual.
                Err(Errno::AGAIN | Errno::INTR) => {}
                // An old kernel, a sandbox, or a filter that knows the call less well than we do.
                Err(Errno::NOSYS | Errno::PERM) => return step_by_step(self.0.as_fd(), path, flags),
                other => return other,
            }
        }
    }

    /// Opens a folder and answers with where it is; missing ones are made.
    pub(super) fn make_folder(&self, path: &RelativePath) -> Result<OwnedFd, Errno> {
        match self.open_beneath(path, OFlags::RDONLY | OFlags::DIRECTORY) {
            Err(Errno::NOENT) => {}
            other => return other,
        }
        let Some((above, name)) = path.split() else { return Err(Errno::NOENT) };
        let above = self.make_folder(&above)?;
        match mkdirat(&above, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => self.open_beneath(path, OFlags::RDONLY | OFlags::DIRECTORY),
            Err(error) => Err(error),
        }
    }

    /// What is at a path below an opened folder, not followed.
    pub(super) fn entry(folder: impl AsFd, name: &str, shown: String) -> Result<FileEntry> {
        let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| file_error(error, &shown))?;
        Ok(entry(&stat, shown))
    }
}

/// One part after another, no links at all.
fn step_by_step(root: BorrowedFd<'_>, path: &RelativePath, flags: OFlags) -> Result<OwnedFd, Errno> {
    let Some((last, above)) = path.parts().split_last() else {
        return openat(root, ".", flags | OFlags::NOFOLLOW, Mode::empty());
    };
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder = openat(root, ".", step, Mode::empty())?;
    for part in above {
        folder = openat(&folder, part.as_str(), step, Mode::empty()).map_err(|error| link(&folder, part, error))?;
    }
    openat(&folder, last.as_str(), flags | OFlags::NOFOLLOW, Mode::empty()).map_err(|error| link(&folder, last, error))
}

/// A link in place of a folder reads as "not a folder": told as a link instead.
fn link(folder: &OwnedFd, part: &str, error: Errno) -> Errno {
    match statat(folder, part, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => Errno::LOOP,
        _ => error,
    }
}

/// What the system tells of a file.
pub(super) fn entry(stat: &Stat, path: String) -> FileEntry {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Symlink,
        _ => FileKind::Other,
    };
    let micros = stat.st_mtime.saturating_mul(1_000_000).saturating_add(stat.st_mtime_nsec.cast_signed() / 1_000);
    FileEntry {
        path,
        kind,
        size: if kind == FileKind::File { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 },
        mode: stat.st_mode & 0o7777,
        modified_at: Timestamp::from_micros(micros),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn without_openat2_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/f"), "x").unwrap();
        symlink("a", folder.path().join("inside")).unwrap();
        symlink("/etc", folder.path().join("outside")).unwrap();
        let root = Root::open(folder.path()).unwrap();
        let open = |path: &str| step_by_step(root.0.as_fd(), &RelativePath::parse(path).unwrap(), OFlags::RDONLY);
        assert!(open("a/f").is_ok());
        assert!(open("").is_ok());
        assert_eq!(open("inside/f").unwrap_err(), Errno::LOOP);
        assert_eq!(open("outside/passwd").unwrap_err(), Errno::LOOP);
        assert_eq!(open("outside").unwrap_err(), Errno::LOOP);
        assert_eq!(open("a/missing").unwrap_err(), Errno::NOENT);
    }
}
