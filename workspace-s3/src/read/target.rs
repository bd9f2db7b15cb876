//! Where files are made: each in its directory, or all in one stage until they are moved.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, OFlags, fchmod, ftruncate, futimens, linkat, openat, symlinkat, utimensat};
use rustix::io::{Errno, pwrite, write};
use workspace_core::error::Result;

use crate::files::{Root, file_error, join, times};
use crate::format::{Content, Entry, Meta};
use crate::read::listing::Listing;
use crate::read::plan::EntryAt;

/// Where the files of a plan are made.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) root: Root,
    pub(super) listing: &'a Listing,
    /// All in the root, under their numbers.
    pub(super) staged: bool,
}

/// A directory that was opened last: entries come directory by directory.
#[derive(Debug, Default)]
pub(super) struct Opened(Option<(usize, OwnedFd)>);

impl Target<'_> {
    /// Makes a file with all of its bytes.
    pub(super) fn write_whole(&self, at: EntryAt, bytes: &[u8], opened: &mut Opened) -> Result<()> {
        self.work(at, opened, |folder, name, entry| {
            let file = create(folder, name)?;
            let mut rest = bytes;
            while !rest.is_empty() {
                let written = write(&file, rest)?;
                rest = rest.get(written..).unwrap_or_default();
            }
            finish(&file, &entry.meta)
        })
    }

    /// Makes a file of the right length without any bytes.
    pub(super) fn create_sparse(&self, at: EntryAt, opened: &mut Opened) -> Result<()> {
        self.work(at, opened, |folder, name, entry| {
            let file = create(folder, name)?;
            match entry.content {
                Content::File { size, .. } => ftruncate(&file, size),
                _ => Ok(()),
            }
        })
    }

    /// Writes a piece of a file that was made before.
    pub(super) fn write_piece(&self, at: EntryAt, offset: u64, bytes: &[u8], opened: &mut Opened) -> Result<()> {
        self.work(at, opened, |folder, name, _| {
            let file = openat(folder, name, OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
            let mut done = 0;
            while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
                done += pwrite(&file, rest, offset + done as u64)?;
            }
            Ok(())
        })
    }

    /// Gives a file that came in pieces its mode and time.
    pub(super) fn finish_pieces(&self, at: EntryAt, opened: &mut Opened) -> Result<()> {
        self.work(at, opened, |folder, name, entry| {
            let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            finish(&openat(folder, name, flags, Mode::empty())?, &entry.meta)
        })
    }

    /// Makes another name of a file that is there.
    pub(super) fn link(&self, at: EntryAt, first: EntryAt, opened: &mut Opened) -> Result<()> {
        let from = self.locate(first).map(|(folder, name, _)| Ok((self.root.handle(&folder)?, name)));
        self.work(at, opened, |folder, name, _| match from {
            Some(Ok((from, first))) => linkat(from, first.as_slice(), folder, name, AtFlags::empty()),
            Some(Err(error)) => Err(error),
            None => Err(Errno::NOENT),
        })
    }

    pub(super) fn symlink(&self, at: EntryAt, opened: &mut Opened) -> Result<()> {
        self.work(at, opened, |folder, name, entry| {
            let Content::Symlink { target } = &entry.content else { return Ok(()) };
            symlinkat(&**target, folder, name)?;
            utimensat(folder, name, &times(&entry.meta), AtFlags::SYMLINK_NOFOLLOW)
        })
    }

    /// Makes a directory that only we may write to until it is finished.
    pub(super) fn make_directory(&self, path: &[u8]) -> Result<()> {
        self.root.make_directory(path).map_err(|error| file_error(error, path))
    }

    /// Gives a directory its mode and time, when nothing more is made in it.
    pub(super) fn finish_directory(&self, path: &[u8], meta: &Meta) -> Result<()> {
        let finish = || finish(&self.root.directory(path)?, meta);
        finish().map_err(|error| file_error(error, path))
    }

    /// The directory and the name where an entry is made.
    fn locate(&self, at: EntryAt) -> Option<(Vec<u8>, Vec<u8>, &Entry)> {
        let (folder, entry) = self.listing.entry(at)?;
        if self.staged {
            return Some((Vec::new(), staged_name(at), entry));
        }
        Some((folder.path.clone(), entry.name.to_vec(), entry))
    }

    fn work(
        &self,
        at: EntryAt,
        opened: &mut Opened,
        work: impl FnOnce(&OwnedFd, &[u8], &Entry) -> Result<(), Errno>,
    ) -> Result<()> {
        let Some((folder, entry)) = self.listing.entry(at) else { return Ok(()) };
        let staged = staged_name(at);
        let name = if self.staged { &staged } else { &*entry.name };
        let number = if self.staged { 0 } else { at.folder };
        let path: &[u8] = if self.staged { b"" } else { &folder.path };
        let done = match &mut opened.0 {
            Some((open, fd)) if *open == number => work(fd, name, entry),
            slot => self.root.handle(path).and_then(|fd| {
                let (_, fd) = slot.insert((number, fd));
                work(fd, name, entry)
            }),
        };
        done.map_err(|error| file_error(error, &join(&folder.path, &entry.name)))
    }
}

/// The name that an entry has in a stage.
pub(super) fn staged_name(at: EntryAt) -> Vec<u8> {
    format!("{}-{}", at.folder, at.entry).into_bytes()
}

/// A new file; only its owner may open it until it is finished.
fn create(folder: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(folder, name, flags, Mode::RUSR | Mode::WUSR)
}

fn finish(file: &OwnedFd, meta: &Meta) -> Result<(), Errno> {
    fchmod(file, Mode::from_raw_mode(meta.mode))?;
    futimens(file, &times(meta))
}
