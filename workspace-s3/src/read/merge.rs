//! Restoring into a directory that has something: what differs is made in a stage beside, checked, and moved into
//! place name by name.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, FileType, Stat, mkdirat, readlinkat, renameat, statat, unlinkat};
use rustix::io::Errno;
use uuid::Uuid;
use workspace_core::error::{Error, ErrorKind, Result};

use crate::files::{Root, STAGE, file_error, join};
use crate::format::{Content, Entry};
use crate::read::listing::{ListedFolder, Listing};
use crate::read::plan::{EntryAt, Plan};
use crate::read::target::{Target, staged_name};
use crate::report::{Change, ChangeKind, shown};
use crate::walk::meta;

/// How a directory differs from a snapshot.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// Names that are no directories, and that are made or replaced.
    pub(super) entries: BTreeSet<EntryAt>,
    /// Directories that are made, by number.
    folders: Vec<usize>,
    pub(super) changes: Vec<Change>,
}

/// Compares. A file is the same when size, modification time and mode are.
///
/// # Errors
/// When a directory stands where the snapshot has a file: it is not removed.
pub(super) fn compare(root: &Root, listing: &Listing) -> Result<Differences> {
    let mut found = Differences::default();
    let mut missing = BTreeSet::new();
    let mut links: BTreeMap<u64, Vec<(EntryAt, Option<ChangeKind>)>> = BTreeMap::new();
    for (folder, of) in listing.folders.iter().enumerate() {
        let handle = if missing.contains(&of.path) {
            found.folders.push(folder);
            None
        } else {
            Some(root.handle(&of.path).map_err(|error| file_error(error, &of.path))?)
        };
        for (entry, wanted) in of.entries.iter().enumerate() {
            let change = compare_entry(handle.as_ref(), wanted).map_err(|error| conflict(error, of, wanted))?;
            match (&wanted.content, change) {
                (Content::Directory { .. }, Some(kind)) => {
                    missing.insert(join(&of.path, &wanted.name));
                    if kind == ChangeKind::Replaced {
                        found.change(of, wanted, kind);
                    }
                }
                (Content::File { link: link @ 1.., .. }, change) => {
                    links.entry(*link).or_default().push((EntryAt { folder, entry }, change));
                }
                (Content::File { .. } | Content::Symlink { .. }, Some(kind)) => {
                    found.entries.insert(EntryAt { folder, entry });
                    found.change(of, wanted, kind);
                }
                (_, None) => {}
            }
        }
    }
    // Names of one file stay names of one file: all of them are made when one is.
    for (at, change) in links.into_values().filter(|names| names.iter().any(|name| name.1.is_some())).flatten() {
        found.entries.insert(at);
        if let Some((folder, entry)) = listing.entry(at) {
            found.change(folder, entry, change.unwrap_or(ChangeKind::Replaced));
        }
    }
    found.changes.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}

impl Differences {
    fn change(&mut self, folder: &ListedFolder, entry: &Entry, kind: ChangeKind) {
        self.changes.push(Change { path: shown(&join(&folder.path, &entry.name)), kind });
    }
}

/// What must happen to a name; nothing when it is as it should be.
fn compare_entry(folder: Option<&OwnedFd>, wanted: &Entry) -> Result<Option<ChangeKind>, Errno> {
    let Some(folder) = folder else { return Ok(Some(ChangeKind::Created)) };
    let stat = match statat(folder, &*wanted.name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(Some(ChangeKind::Created)),
        Err(error) => return Err(error),
    };
    let same = match (&wanted.content, FileType::from_raw_mode(stat.st_mode)) {
        (Content::Directory { .. }, kind) => kind == FileType::Directory,
        (_, FileType::Directory) => return Err(Errno::ISDIR),
        (Content::File { size, .. }, FileType::RegularFile) => same_file(&stat, *size, wanted),
        (Content::Symlink { target }, FileType::Symlink) => {
            readlinkat(folder, &*wanted.name, Vec::new())?.as_bytes() == &**target
        }
        _ => false,
    };
    Ok(if same { None } else { Some(ChangeKind::Replaced) })
}

fn same_file(stat: &Stat, size: u64, wanted: &Entry) -> bool {
    u64::try_from(stat.st_size) == Ok(size) && meta(stat) == wanted.meta
}

fn conflict(error: Errno, folder: &ListedFolder, entry: &Entry) -> Error {
    let path = join(&folder.path, &entry.name);
    if error == Errno::ISDIR {
        let message = format!("{} is a directory, and a file in the snapshot", shown(&path));
        return Error::new(ErrorKind::Conflict, message).hint("move the directory away, or restore into a new copy");
    }
    file_error(error, &path)
}

/// A directory in the target where files are made until all of them are there.
#[derive(Debug)]
pub(super) struct Stage {
    root: Root,
    name: Vec<u8>,
}

impl Stage {
    pub(super) fn make(root: &Root) -> Result<Self> {
        remove_left(root)?;
        let name = [STAGE, Uuid::now_v7().to_string().as_bytes()].concat();
        root.make_directory(&name).map_err(|error| file_error(error, &name))?;
        Ok(Self { root: root.clone(), name })
    }

    pub(super) fn open(&self) -> Result<Root> {
        self.root.below(&self.name).map_err(|error| file_error(error, &self.name))
    }

    /// Moves everything into its place.
    pub(super) fn place(&self, found: &Differences, target: &Target<'_>, plan: &Plan) -> Result<()> {
        let stage = self.open().and_then(|root| root.handle(b"").map_err(|error| file_error(error, &self.name)))?;
        let folders = || found.folders.iter().filter_map(|folder| target.listing.folders.get(*folder));
        for folder in folders() {
            self.make_folder(&folder.path).map_err(|error| file_error(error, &folder.path))?;
        }
        let files = plan.files.iter().map(|file| file.at);
        for at in files.chain(plan.links.iter().map(|link| link.0)).chain(plan.symlinks.iter().copied()) {
            let Some((folder, entry)) = target.listing.entry(at) else { continue };
            let moved =
                self.root.handle(&folder.path).and_then(|to| renameat(&stage, staged_name(at), to, &*entry.name));
            moved.map_err(|error| file_error(error, &join(&folder.path, &entry.name)))?;
        }
        let in_place = Target { root: self.root.clone(), listing: target.listing, staged: false };
        folders().rev().try_for_each(|folder| in_place.finish_directory(&folder.path, &folder.meta))
    }

    /// A link or a file of that name goes: a link is only a name.
    fn make_folder(&self, path: &[u8]) -> Result<(), Errno> {
        let (above, name) = crate::files::split(path);
        let above = self.root.handle(above)?;
        match unlinkat(&above, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
        mkdirat(above, name, rustix::fs::Mode::RWXU)
    }

    /// Removes the stage with all that is left in it.
    pub(super) fn remove(self) -> Result<()> {
        remove(&self.root, &self.name).map_err(|error| file_error(error, &self.name))
    }
}

/// Removes stages of processes that were killed.
fn remove_left(root: &Root) -> Result<()> {
    let left = || {
        for entry in Dir::read_from(root.directory(b"")?)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name.starts_with(STAGE) {
                remove(root, &name)?;
            }
        }
        Ok(())
    };
    left().map_err(|error| file_error(error, b""))
}

fn remove(root: &Root, name: &[u8]) -> Result<(), Errno> {
    root.remove_contents(name)?;
    unlinkat(root.handle(b"")?, name, AtFlags::REMOVEDIR)
}
