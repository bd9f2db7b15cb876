//! How much a folder holds.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, open, openat, statat};
use rustix::io::Errno;

/// Deeper than this is not counted: each level holds a folder open.
const LEVELS: usize = 200;

/// How many bytes of the disk a folder of this machine takes with everything in it. A file with several names counts
/// once; what goes away meanwhile does not count.
///
/// # Errors
/// When the folder itself cannot be read.
pub fn folder_usage(folder: &Path) -> std::io::Result<u64> {
    let top = open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut seen = BTreeSet::new();
    Ok(walk(&top, LEVELS, &mut seen)?)
}

/// Whether there is nothing at all in a folder of this machine.
///
/// # Errors
/// When the folder cannot be read.
pub fn folder_is_empty(folder: &Path) -> std::io::Result<bool> {
    Ok(std::fs::read_dir(folder)?.next().transpose()?.is_none())
}

fn walk(folder: &OwnedFd, levels: usize, seen: &mut BTreeSet<(u64, u64)>) -> Result<u64, Errno> {
    let mut bytes = 0_u64;
    for item in Dir::read_from(folder)? {
        let Ok(item) = item else { break };
        let name = item.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let Ok(stat) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if !is_folder && stat.st_nlink > 1 && !seen.insert((stat.st_dev, stat.st_ino)) {
            continue;
        }
        bytes = bytes.saturating_add(u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if is_folder
            && levels > 0
            && let Ok(below) = openat(folder, name, flags, Mode::empty())
        {
            bytes = bytes.saturating_add(walk(&below, levels - 1, seen).unwrap_or(0));
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_two_names_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(folder_usage(folder.path()).unwrap(), 0);
        assert!(folder_is_empty(folder.path()).unwrap());
        std::fs::write(folder.path().join("a"), vec![1; 100_000]).unwrap();
        let one = folder_usage(folder.path()).unwrap();
        assert!((100_000..200_000).contains(&one), "{one}");
        std::fs::hard_link(folder.path().join("a"), folder.path().join("b")).unwrap();
        assert_eq!(folder_usage(folder.path()).unwrap(), one);
        assert!(folder_usage(&folder.path().join("missing")).is_err());
    }

    #[test]
    fn what_takes_no_room_is_something() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".hidden"), "").unwrap();
        assert!(!folder_is_empty(folder.path()).unwrap());
        assert!(folder_is_empty(&folder.path().join("missing")).is_err());
    }
}
