//! How much a folder holds.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, open, openat, statat};
use rustix::io::Errno;
use workspace_core::port::VolumeUsage;

/// Deeper than this is not counted: each level holds a folder open.
const LEVELS: usize = 200;

/// How many bytes of the disk a folder of this machine takes with everything in it, and how much is in it. The bytes of
/// a file with several names count once; what goes away meanwhile does not count.
///
/// # Errors
/// When the folder itself cannot be read.
pub fn folder_usage(folder: &Path) -> std::io::Result<VolumeUsage> {
    let top = open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut found = VolumeUsage::default();
    walk(&top, LEVELS, &mut BTreeSet::new(), &mut found)?;
    Ok(found)
}

fn walk(
    folder: &OwnedFd,
    levels: usize,
    seen: &mut BTreeSet<(u64, u64)>,
    found: &mut VolumeUsage,
) -> Result<(), Errno> {
    for item in Dir::read_from(folder)? {
        let item = item?;
        let name = item.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        found.entries = found.entries.saturating_add(1);
        let Ok(stat) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if !is_folder && stat.st_nlink > 1 && !seen.insert((stat.st_dev, stat.st_ino)) {
            continue;
        }
        found.bytes = found.bytes.saturating_add(u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if is_folder
            && levels > 0
            && let Ok(below) = openat(folder, name, flags, Mode::empty())
        {
            // What cannot be read further down is not counted.
            let _ = walk(&below, levels - 1, seen, found);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_file_with_two_names_count_once() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(folder_usage(folder.path()).unwrap(), VolumeUsage::default());
        std::fs::write(folder.path().join("a"), vec![1; 100_000]).unwrap();
        let one = folder_usage(folder.path()).unwrap();
        assert!((100_000..200_000).contains(&one.bytes) && one.entries == 1, "{one:?}");
        std::fs::hard_link(folder.path().join("a"), folder.path().join("b")).unwrap();
        assert_eq!(folder_usage(folder.path()).unwrap(), VolumeUsage { entries: 2, ..one });
        assert!(folder_usage(&folder.path().join("missing")).is_err());
    }
}
