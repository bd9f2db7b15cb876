//! What a tree holds: names, times and identities, no contents.

mod ignore_file;
mod left_out;
mod links;
mod scan;

use crate::format::{Extent, Meta};
use crate::report::Skipped;

pub(crate) use scan::{Scan, identity, meta, scan};

/// A tree as it was found. A folder comes after the one that it is in; the first is the root.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) folders: Vec<Folder>,
    pub(crate) left_out: u64,
    pub(crate) skipped: Vec<Skipped>,
}

/// A directory.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: Vec<u8>,
    /// In the order of their names.
    pub(crate) nodes: Vec<Node>,
    /// It vanished, or is left out: no entry is made of it.
    pub(crate) gone: bool,
}

/// One name in a directory.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: Box<[u8]>,
    pub(crate) meta: Meta,
    pub(crate) kind: NodeKind,
}

/// What a name stands for.
#[derive(Debug)]
pub(crate) enum NodeKind {
    /// The folder with this number.
    Folder(usize),
    File(FileNode),
    Symlink(Box<[u8]>),
    /// It vanished before it was read, or may not be read.
    Gone,
}

/// A regular file.
#[derive(Clone, Debug)]
pub(crate) struct FileNode {
    pub(crate) size: u64,
    pub(crate) identity: Identity,
    /// Fewer blocks than bytes: there may be holes.
    pub(crate) sparse: bool,
    /// Not 0 when other names in the tree are the same file.
    pub(crate) link: u64,
    /// Known when the file is unchanged, or was read.
    pub(crate) extents: Option<Vec<Extent>>,
}

/// What changes when somebody writes to a file, whatever times they set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) inode: u64,
    pub(crate) changed_seconds: i64,
    pub(crate) changed_nanos: u32,
}

impl Identity {
    /// Whether it can be told from a later one: a write in the same tick of the kernel's clock would leave it as it is.
    pub(crate) fn is_older_than(&self, micros: i64) -> bool {
        /// Longer than the slowest tick, 10 ms.
        const TICK_MICROS: i64 = 20_000;
        let changed =
            self.changed_seconds.saturating_mul(1_000_000).saturating_add(i64::from(self.changed_nanos / 1_000));
        changed.saturating_add(TICK_MICROS) < micros
    }
}
