//! The directory that everything is below, and the only way to open something in it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{
    AtFlags, Dir, Mode, OFlags, ResolveFlags, Timespec, Timestamps, fchmod, mkdirat, open, openat, openat2, unlinkat,
};
use rustix::io::Errno;

use crate::files::{join, split};
use crate::format::Meta;

/// The most bytes of a path that go to the system at once; `PATH_MAX` is 4096.
const LONGEST: usize = 4000;

/// A directory. No link below it is followed, wherever it leads.
#[derive(Clone, Debug)]
pub(crate) struct Root(Arc<OwnedFd>);

impl Root {
    /// Opens the directory; it must not be a link itself.
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(Arc::new(open(path, flags, Mode::empty())?)))
    }

    /// A directory below as a root of its own.
    pub(crate) fn below(&self, path: &[u8]) -> Result<Self, Errno> {
        Ok(Self(Arc::new(self.directory(path)?)))
    }

    /// Opens what is at a path. `mode` counts where `flags` make a file.
    pub(crate) fn open_at(&self, path: &[u8], flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        if path.len() <= LONGEST {
            return beneath(self.0.as_fd(), path, flags, mode);
        }
        let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder = None;
        let mut rest = path;
        while rest.len() > LONGEST {
            let at = rest[..LONGEST].iter().rposition(|byte| *byte == b'/').ok_or(Errno::NAMETOOLONG)?;
            let from = folder.as_ref().unwrap_or(&*self.0).as_fd();
            folder = Some(beneath(from, &rest[..at], step, Mode::empty())?);
            rest = &rest[at + 1..];
        }
        beneath(folder.as_ref().unwrap_or(&*self.0).as_fd(), rest, flags, mode)
    }

    /// Opens a directory to work in it.
    pub(crate) fn directory(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        self.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
    }

    /// A directory to name things in, not to read it.
    pub(crate) fn handle(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        self.open_at(path, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())
    }

    /// Removes everything in a directory, at any depth.
    pub(crate) fn remove_contents(&self, path: &[u8]) -> Result<(), Errno> {
        let mut folders = vec![path.to_vec()];
        let mut at = 0;
        while let Some(path) = folders.get(at).cloned() {
            let folder = self.directory(&path)?;
            // Finished ones may not allow their owner to change them.
            fchmod(&folder, Mode::RWXU)?;
            for entry in Dir::read_from(&folder)? {
                let entry = entry?;
                let name = entry.file_name().to_bytes();
                if matches!(name, b"." | b"..") {
                    continue;
                }
                match unlinkat(&folder, name, AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(Errno::ISDIR | Errno::PERM) => folders.push(join(&path, name)),
                    Err(error) => return Err(error),
                }
            }
            at += 1;
        }
        for path in folders.iter().skip(1).rev() {
            let (folder, name) = split(path);
            unlinkat(self.handle(folder)?, name, AtFlags::REMOVEDIR)?;
        }
        Ok(())
    }

    pub(crate) fn make_directory(&self, path: &[u8]) -> Result<(), Errno> {
        let (folder, name) = split(path);
        mkdirat(self.handle(folder)?, name, Mode::RWXU)
    }
}

fn beneath(folder: BorrowedFd<'_>, path: &[u8], flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { b"." } else { path };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    loop {
        match openat2(folder, path, flags, mode, resolve) {
            // Something was renamed at the same moment: asked for by the call's own manual.
            Err(Errno::AGAIN | Errno::INTR) => {}
            // An old kernel or a filter of system calls that does not know this one. A real refusal comes again.
            Err(Errno::NOSYS | Errno::PERM) => return step_by_step(folder, path, flags, mode),
            other => return other,
        }
    }
}

/// One part after another, no links at all.
fn step_by_step(folder: BorrowedFd<'_>, path: &[u8], flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder = openat(folder, ".", step, Mode::empty())?;
    let mut parts = path.split(|byte| *byte == b'/').peekable();
    while let Some(part) = parts.next() {
        if part == b".." {
            return Err(Errno::XDEV);
        }
        if parts.peek().is_none() {
            return openat(&folder, part, flags, mode);
        }
        folder = openat(&folder, part, step, Mode::empty())?;
    }
    Err(Errno::NOENT)
}

/// The modification time as the system takes it; the access time stays.
pub(crate) fn times(meta: &Meta) -> Timestamps {
    let last_access = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
    Timestamps { last_access, last_modification: Timespec { tv_sec: meta.seconds, tv_nsec: meta.nanos.into() } }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_is_followed_with_and_without_openat2() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/f"), "x").unwrap();
        symlink("a", folder.path().join("inside")).unwrap();
        symlink("/etc", folder.path().join("outside")).unwrap();
        let root = Root::open(folder.path()).unwrap();
        for open in [beneath, step_by_step] {
            let open =
                |path: &str| open(root.0.as_fd(), path.as_bytes(), OFlags::RDONLY | OFlags::NOFOLLOW, Mode::empty());
            assert!(open("a/f").is_ok());
            assert!(open("inside/f").is_err());
            assert!(open("outside/passwd").is_err());
            assert_eq!(open("outside").unwrap_err(), Errno::LOOP);
            assert_eq!(open("..").unwrap_err(), Errno::XDEV);
            assert_eq!(open("a/missing").unwrap_err(), Errno::NOENT);
        }
        assert!(Root::open(&folder.path().join("outside")).is_err());
    }

    #[test]
    fn paths_longer_than_the_system_takes() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path()).unwrap();
        let mut path = Vec::new();
        for _ in 0..60 {
            path = crate::files::join(&path, &[b'd'; 100]);
            root.make_directory(&path).unwrap();
        }
        assert!(root.directory(&path).is_ok());
    }
}
