//! Walks a tree.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::io::Errno;
use workspace_core::error::Result;

use crate::files::{Root, STAGE, file_error, join};
use crate::format::Meta;
use crate::options::{Profile, SnapshotOptions};
use crate::report::{SkipReason, Skipped, shown};
use crate::stop::Stop;
use crate::walk::ignore_file::IgnoreFile;
use crate::walk::left_out::{CACHE_TAG, Rules};
use crate::walk::links::{Names, number_links};
use crate::walk::{FileNode, Folder, Identity, Node, NodeKind, Tree};

/// The most of an ignore file that is read.
const MAX_IGNORE_FILE: u64 = 1 << 20;

/// A walk.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    pub(crate) root: &'a Root,
    pub(crate) options: &'a SnapshotOptions,
    pub(crate) stop: &'a Stop,
}

struct Walker<'a> {
    scan: &'a Scan<'a>,
    tree: Tree,
    links: Names,
    open: Vec<(usize, Rules)>,
}

/// Walks the whole tree.
pub(crate) fn scan(scan: &Scan<'_>) -> Result<Tree> {
    let mut walker = Walker { scan, tree: Tree::default(), links: Names::new(), open: Vec::new() };
    walker.add_folder(Vec::new(), Rules::default());
    while let Some((index, rules)) = walker.open.pop() {
        scan.stop.check()?;
        walker.visit(index, rules)?;
    }
    let Walker { mut tree, links, .. } = walker;
    number_links(&mut tree, &links);
    tree.skipped.sort_unstable();
    Ok(tree)
}

impl Walker<'_> {
    fn add_folder(&mut self, path: Vec<u8>, rules: Rules) -> usize {
        let index = self.tree.folders.len();
        self.tree.folders.push(Folder { path, nodes: Vec::new(), gone: false });
        self.open.push((index, rules));
        index
    }

    fn visit(&mut self, index: usize, mut rules: Rules) -> Result<()> {
        let Some(path) = self.tree.folders.get(index).map(|folder| folder.path.clone()) else { return Ok(()) };
        let listed = self.scan.root.directory(&path).and_then(|fd| Ok((names(&fd)?, fd)));
        let (names, fd) = match listed {
            Ok(listed) => listed,
            Err(Errno::ACCESS) if index > 0 => return self.skip(&path, SkipReason::Unreadable),
            // It vanished, or something else took its name.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) if index > 0 => {
                self.leave_out(index, false);
                return Ok(());
            }
            Err(error) => return Err(file_error(error, &path)),
        };
        if self.scan.options.profile == Profile::Source {
            if index > 0 && rules.leave_out_inside(&path, &names, || first_bytes(&fd, CACHE_TAG)) {
                self.leave_out(index, true);
                return Ok(());
            }
            self.read_rules(&fd, &path, &names, &mut rules);
        }
        let mut nodes = Vec::with_capacity(names.len());
        for name in &names {
            if let Some(node) = self.node(&fd, index, nodes.len(), &path, name, &rules, &names)? {
                nodes.push(node);
            }
        }
        if let Some(folder) = self.tree.folders.get_mut(index) {
            folder.nodes = nodes;
        }
        Ok(())
    }

    fn read_rules(&self, fd: &OwnedFd, path: &[u8], names: &[Box<[u8]>], rules: &mut Rules) {
        let has = |name: &[u8]| names.binary_search_by(|other| (**other).cmp(name)).is_ok();
        if has(b".workspaceignore") {
            rules.workspace.extend(IgnoreFile::parse(path, &first_bytes(fd, b".workspaceignore")));
        }
        if self.scan.options.gitignore && has(b".gitignore") {
            rules.git.extend(IgnoreFile::parse(path, &first_bytes(fd, b".gitignore")));
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one entry of the loop above, and what is open there")]
    fn node(
        &mut self,
        fd: &OwnedFd,
        index: usize,
        position: usize,
        folder: &[u8],
        name: &[u8],
        rules: &Rules,
        beside: &[Box<[u8]>],
    ) -> Result<Option<Node>> {
        let path = || join(folder, name);
        let stat = match statat(fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(file_error(error, &path())),
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        if self.is_left_out(&path, name, kind == FileType::Directory, rules, beside) {
            self.tree.left_out += 1;
            return Ok(None);
        }
        let meta = meta(&stat);
        let kind = match kind {
            FileType::Directory => NodeKind::Folder(self.add_folder(path(), rules.clone())),
            FileType::RegularFile => {
                if stat.st_nlink > 1 {
                    self.links.entry((stat.st_dev, stat.st_ino)).or_default().push((index, position));
                }
                NodeKind::File(file_node(&stat))
            }
            FileType::Symlink => match readlinkat(fd, name, Vec::new()) {
                Ok(target) => NodeKind::Symlink(target.into_bytes().into()),
                Err(Errno::NOENT | Errno::INVAL) => return Ok(None),
                Err(error) => return Err(file_error(error, &path())),
            },
            _ => return self.skip(&path(), SkipReason::SpecialFile).map(|()| None),
        };
        Ok(Some(Node { name: name.into(), meta, kind }))
    }

    fn is_left_out(
        &self,
        path: &impl Fn() -> Vec<u8>,
        name: &[u8],
        is_folder: bool,
        rules: &Rules,
        beside: &[Box<[u8]>],
    ) -> bool {
        let options = self.scan.options;
        options.leave_out_git && name == b".git"
            || name.starts_with(STAGE)
            || options.profile == Profile::Source && rules.leave_out(&path(), name, is_folder, beside)
    }

    fn leave_out(&mut self, index: usize, counts: bool) {
        self.tree.left_out += u64::from(counts);
        if let Some(folder) = self.tree.folders.get_mut(index) {
            folder.gone = true;
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "ends the visit of a name")]
    fn skip(&mut self, path: &[u8], reason: SkipReason) -> Result<()> {
        self.tree.skipped.push(Skipped { path: shown(path), reason });
        Ok(())
    }
}

/// The names in a directory, in order.
fn names(fd: &OwnedFd) -> Result<Vec<Box<[u8]>>, Errno> {
    let mut names: Vec<Box<[u8]>> = Vec::new();
    for entry in Dir::read_from(fd)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.into());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// A small file that steers the walk; nothing when it is none or cannot be read.
fn first_bytes(folder: &OwnedFd, name: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(fd) = openat(folder, name, flags, Mode::empty()) else { return bytes };
    if fstat(&fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile) {
        let read = File::from(fd).take(MAX_IGNORE_FILE).read_to_end(&mut bytes);
        if read.is_err() {
            bytes.clear();
        }
    }
    bytes
}

/// Permissions and time; setuid and setgid are dropped here.
pub(crate) fn meta(stat: &Stat) -> Meta {
    Meta { mode: stat.st_mode & 0o1777, seconds: stat.st_mtime, nanos: nanos(stat.st_mtime_nsec) }
}

pub(crate) fn identity(stat: &Stat) -> Identity {
    Identity { inode: stat.st_ino, changed_seconds: stat.st_ctime, changed_nanos: nanos(stat.st_ctime_nsec) }
}

fn file_node(stat: &Stat) -> FileNode {
    let size = u64::try_from(stat.st_size).unwrap_or_default();
    let sparse = u64::try_from(stat.st_blocks).unwrap_or_default().saturating_mul(512) < size;
    FileNode { size, identity: identity(stat), sparse, link: 0, extents: None }
}

fn nanos(value: u64) -> u32 {
    u32::try_from(value).unwrap_or_default().min(999_999_999)
}
