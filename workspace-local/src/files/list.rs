//! Listing a folder.

use std::os::fd::OwnedFd;

use rustix::fs::{Dir, Mode, OFlags, openat};
use rustix::io::Errno;
use workspace_core::error::{Error, Result};
use workspace_core::port::{FileEntry, FileKind};

use crate::files::error::file_error;
use crate::files::path::RelativePath;
use crate::files::root::{Root, entry};

/// More entries than this are not listed at once.
const MOST: usize = 50_000;

/// Deeper than this is not listed: each level holds a folder open.
const DEEPEST: u32 = 200;

impl Root {
    /// What is below a folder, sorted by path.
    pub(crate) fn list(&self, path: &RelativePath, depth: u32) -> Result<Vec<FileEntry>> {
        if depth == 0 {
            return Err(Error::invalid("depth", "the depth is at least 1"));
        }
        let shown = path.to_string();
        let folder = self.open_beneath(path, OFlags::RDONLY | OFlags::DIRECTORY).map_err(|error| {
            if error == Errno::NOTDIR && self.open_beneath(path, OFlags::PATH).is_ok() {
                return Error::invalid("path", format!("{shown} is not a folder"));
            }
            file_error(error, &shown)
        })?;
        let mut found = Vec::new();
        walk(&folder, &shown, depth.min(DEEPEST), &mut found)?;
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }
}

fn walk(folder: &OwnedFd, above: &str, depth: u32, found: &mut Vec<FileEntry>) -> Result<()> {
    for item in Dir::read_from(folder).map_err(|error| file_error(error, above))? {
        let item = item.map_err(|error| file_error(error, above))?;
        let name = item.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if found.len() == MOST {
            return Err(Error::invalid("depth", "the folder has too many entries for one list")
                .hint("list a folder further down, or less deep"));
        }
        let shown = name.to_string_lossy();
        let shown = if above.is_empty() { shown.into_owned() } else { format!("{above}/{shown}") };
        // What goes away while it is listed was not there.
        let Ok(stat) = rustix::fs::statat(folder, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let entry = entry(&stat, shown);
        let deeper = (entry.kind == FileKind::Directory && depth > 1).then(|| entry.path.clone());
        found.push(entry);
        let Some(shown) = deeper else { continue };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if let Ok(below) = openat(folder, name, flags, Mode::empty()) {
            walk(&below, &shown, depth - 1, found)?;
        }
    }
    Ok(())
}
