//! Deleting, however deep and by whomever it was made.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, chmod, open, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use workspace_core::error::{Error, Result};

use crate::files::error::file_error;
use crate::files::path::RelativePath;
use crate::files::root::Root;

/// Each level holds a folder open: deeper ones are first moved up to the top.
const LEVELS: usize = 100;

/// After so many rounds somebody fills the folder as fast as it is emptied, or it is 100,000 levels deep.
const ROUNDS: usize = 1_000;

impl Root {
    /// Deletes a file, a link, or a folder with everything in it.
    pub(crate) fn delete(&self, path: &RelativePath) -> Result<()> {
        let Some((above, name)) = path.split() else {
            return Err(Error::invalid("path", "the workspace's own folder cannot be deleted"));
        };
        let shown = path.to_string();
        let failed = |error| file_error(error, &shown);
        let folder = self.open_beneath(&above, OFlags::RDONLY | OFlags::DIRECTORY).map_err(failed)?;
        let name = CString::new(name).map_err(|_nul| Error::invalid("path", "the path has a NUL byte"))?;
        remove(&folder, &name).map_err(failed)
    }
}

/// Removes a folder of this machine with everything in it; a missing one is removed already. Follows no link.
///
/// # Errors
/// What the system says.
pub fn remove_folder(folder: &Path) -> std::io::Result<()> {
    let Some((above, name)) = folder.parent().zip(folder.file_name()) else {
        return Err(std::io::ErrorKind::InvalidInput.into());
    };
    let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let name = CString::new(name.as_encoded_bytes())?;
    match open(above, flags, Mode::empty()).and_then(|above| remove(&above, &name)) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes everything in a folder of this machine, and leaves the folder itself. Follows no link.
///
/// # Errors
/// What the system says.
pub(crate) fn empty_folder(folder: &Path) -> std::io::Result<()> {
    let top = open_folder(rustix::fs::CWD, &CString::new(folder.as_os_str().as_encoded_bytes())?)?;
    let mut moved = 0_u64;
    for _ in 0..ROUNDS {
        empty(&top, &top, LEVELS, &mut moved)?;
        if is_empty(&top)? {
            return Ok(());
        }
    }
    Err(Errno::NOTEMPTY.into())
}

fn is_empty(folder: &OwnedFd) -> Result<bool, Errno> {
    for item in Dir::read_from(folder)? {
        if !matches!(item?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes what has this name in a folder.
fn remove(folder: &OwnedFd, name: &CStr) -> Result<(), Errno> {
    let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return unlinkat(folder, name, AtFlags::empty());
    }
    let top = open_folder(folder, name)?;
    let mut moved = 0_u64;
    // What was moved up is removed in the next round, and what others add meanwhile too.
    for _ in 0..ROUNDS {
        empty(&top, &top, LEVELS, &mut moved)?;
        match unlinkat(folder, name, AtFlags::REMOVEDIR) {
            Err(Errno::NOTEMPTY | Errno::EXIST) => {}
            other => return other,
        }
    }
    Err(Errno::NOTEMPTY)
}

/// Removes everything in a folder, except what was moved up to `top` while this ran.
fn empty(top: &OwnedFd, folder: &OwnedFd, levels: usize, moved: &mut u64) -> Result<(), Errno> {
    for item in Dir::read_from(folder)? {
        let item = item?;
        let name = item.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        match unlinkat(folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => continue,
            // Linux says the first of a folder, POSIX allows the second.
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(error) => return Err(error),
        }
        match unlinkat(folder, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => continue,
            Err(Errno::NOTEMPTY | Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        if levels == 0 {
            *moved += 1;
            renameat(folder, name, top, format!(".~deep-{moved}"))?;
            continue;
        }
        let below = open_folder(folder, name)?;
        empty(top, &below, levels - 1, moved)?;
        match unlinkat(folder, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Opens a folder so that it can be emptied, whatever its permissions say.
fn open_folder(above: impl AsFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat(&above, name, flags, Mode::empty());
    let closed = matches!(opened, Err(Errno::ACCESS))
        || opened
            .as_ref()
            .is_ok_and(|folder| rustix::fs::fstat(folder).is_ok_and(|stat| stat.st_mode & 0o300 != 0o300));
    if !closed {
        return opened;
    }
    // Through a descriptor: a name could become a link in between.
    let held = openat(&above, name, OFlags::PATH | flags, Mode::empty())?;
    let held = format!("/proc/self/fd/{}", held.as_fd().as_raw_fd());
    chmod(held, Mode::from_raw_mode(0o700))?;
    openat(&above, name, flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn deep_closed_and_linked_folders_go_and_nothing_else() {
        let outer = tempfile::tempdir().unwrap();
        let kept = outer.path().join("kept");
        std::fs::write(&kept, "x").unwrap();
        let tree = outer.path().join("tree");
        std::fs::create_dir(&tree).unwrap();
        let root = Root::open(&tree).unwrap();
        // Deeper than a path can say and than files can be open.
        let mut folder = root.make_folder(&RelativePath::parse("deep").unwrap()).unwrap();
        for _ in 0..1_500 {
            rustix::fs::mkdirat(&folder, "abc", Mode::from_raw_mode(0o755)).unwrap();
            folder = openat(&folder, "abc", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
        std::fs::create_dir_all(tree.join("closed/below")).unwrap();
        std::fs::set_permissions(tree.join("closed"), PermissionsExt::from_mode(0o000)).unwrap();
        symlink(outer.path(), tree.join("link")).unwrap();
        remove_folder(&tree).unwrap();
        assert!(!tree.exists() && kept.exists());
        remove_folder(&tree).unwrap();
    }

    #[test]
    fn an_emptied_folder_stays() {
        let outer = tempfile::tempdir().unwrap();
        let kept = outer.path().join("kept");
        std::fs::write(&kept, "x").unwrap();
        let tree = outer.path().join("tree");
        std::fs::create_dir_all(tree.join("a/b")).unwrap();
        std::fs::write(tree.join(".hidden"), "x").unwrap();
        symlink(outer.path(), tree.join("link")).unwrap();
        std::fs::set_permissions(tree.join("a"), PermissionsExt::from_mode(0o000)).unwrap();
        for _ in 0..2 {
            empty_folder(&tree).unwrap();
            assert_eq!(std::fs::read_dir(&tree).unwrap().count(), 0);
        }
        assert!(kept.exists());
        symlink(outer.path(), tree.join("link")).unwrap();
        assert!(empty_folder(&tree.join("link")).is_err(), "a link is no folder");
        assert!(kept.exists());
    }
}
