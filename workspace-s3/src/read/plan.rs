//! What must be read from where to make which files.

use std::collections::{BTreeMap, BTreeSet};

use workspace_core::error::Result;

use crate::files::join;
use crate::format::{Content, Entry, Hash};
use crate::read::catalog::{Catalog, Place};
use crate::read::listing::{ListedFolder, Listing};
use crate::report::shown;

/// The most bytes of one request.
const FETCH: u64 = 2 << 20;
/// Bytes between two segments that are read along rather than asked around.
const GAP: u64 = 128 << 10;

/// How a listing becomes files. Numbers are those of folders and entries in the listing.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) files: Vec<PlannedFile>,
    pub(super) fetches: Vec<Fetch>,
    /// Further names of files: this entry is the same file as that one of `files`.
    pub(super) links: Vec<(EntryAt, usize)>,
    pub(super) symlinks: Vec<EntryAt>,
}

/// An entry of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryAt {
    pub(super) folder: usize,
    pub(super) entry: usize,
}

/// A file to make.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlannedFile {
    pub(super) at: EntryAt,
    pub(super) shape: Shape,
}

/// How the bytes of a file come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// All at once, from one piece.
    Whole,
    /// In pieces and holes, or nothing at all: made first, filled, finished last.
    Pieces,
}

/// One request: some segments of a pack that lie next to each other.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) pack: usize,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) segments: Vec<SegmentUse>,
}

/// What is taken from a segment.
#[derive(Debug)]
pub(super) struct SegmentUse {
    pub(super) segment: usize,
    pub(super) uses: Vec<Use>,
}

/// A piece that goes into a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    pub(super) hash: Hash,
    /// In the raw segment.
    pub(super) offset: u32,
    pub(super) length: u32,
    /// The number of the file in the plan, and where in it.
    pub(super) file: usize,
    pub(super) at: u64,
}

/// Plans to make the chosen entries.
///
/// # Errors
/// When storage has lost bytes of a file; names the files. Nothing was written yet then.
pub(super) fn plan(listing: &Listing, catalog: &Catalog, chosen: impl Fn(EntryAt) -> bool) -> Result<Plan> {
    let mut plan = Plan::default();
    let mut uses: BTreeMap<(u32, u32), Vec<Use>> = BTreeMap::new();
    let mut links = BTreeMap::new();
    let mut lost = Vec::new();
    for (folder, of) in listing.folders.iter().enumerate() {
        for (entry, found) in of.entries.iter().enumerate() {
            let at = EntryAt { folder, entry };
            match &found.content {
                Content::Directory { .. } => {}
                _ if !chosen(at) => {}
                Content::Symlink { .. } => plan.symlinks.push(at),
                Content::File { link: 1.., .. } if linked(&mut links, found, plan.files.len()).is_some() => {
                    plan.links.extend(linked(&mut links, found, 0).map(|first| (at, first)));
                }
                Content::File { .. } => {
                    let shape = add_file(found, plan.files.len(), catalog, &mut uses);
                    match shape {
                        Some(shape) => plan.files.push(PlannedFile { at, shape }),
                        None => lost.push(path(of, found)),
                    }
                }
            }
        }
    }
    if !lost.is_empty() {
        return Err(catalog.lost_files(&lost));
    }
    plan.fetches = fetches(uses, catalog);
    Ok(plan)
}

/// The file that an earlier name of the group made; notes this one when it is the first.
fn linked(links: &mut BTreeMap<u64, usize>, entry: &Entry, file: usize) -> Option<usize> {
    let Content::File { link, .. } = entry.content else { return None };
    let known = links.get(&link).copied();
    if known.is_none() {
        links.insert(link, file);
    }
    known
}

/// Notes the pieces of a file; `None` when one is lost.
fn add_file(entry: &Entry, file: usize, catalog: &Catalog, uses: &mut BTreeMap<(u32, u32), Vec<Use>>) -> Option<Shape> {
    let Content::File { extents, .. } = &entry.content else { return None };
    let mut at = 0;
    for extent in extents {
        if let Some(hash) = extent.hash {
            let found: &Place = catalog.pieces.get(&hash)?;
            if u64::from(found.length) != extent.length {
                return None;
            }
            let piece = Use { hash, offset: found.offset, length: found.length, file, at };
            uses.entry((found.pack, found.segment)).or_default().push(piece);
        }
        at += extent.length;
    }
    match extents.as_slice() {
        [only] if only.hash.is_some() => Some(Shape::Whole),
        _ => Some(Shape::Pieces),
    }
}

fn fetches(uses: BTreeMap<(u32, u32), Vec<Use>>, catalog: &Catalog) -> Vec<Fetch> {
    let mut fetches: Vec<Fetch> = Vec::new();
    for ((pack, segment), uses) in uses {
        let (pack, segment) = (pack as usize, segment as usize);
        let Some(index) = catalog.indexes.get(pack).and_then(|index| index.segments.get(segment)) else { continue };
        let (start, end) = (index.offset, index.offset + u64::from(index.stored));
        let taken = SegmentUse { segment, uses };
        match fetches.last_mut() {
            Some(last) if last.pack == pack && start <= last.end + GAP && end - last.start <= FETCH => {
                last.end = end;
                last.segments.push(taken);
            }
            _ => fetches.push(Fetch { pack, start, end, segments: vec![taken] }),
        }
    }
    fetches
}

/// The paths of the files that need something of these segments, in order.
pub(super) fn paths_of(plan: &Plan, listing: &Listing, segments: &[SegmentUse]) -> Vec<String> {
    let files: BTreeSet<_> = segments.iter().flat_map(|segment| &segment.uses).map(|taken| taken.file).collect();
    let at = files.into_iter().filter_map(|file| plan.files.get(file));
    at.filter_map(|file| listing.entry(file.at)).map(|(folder, entry)| path(folder, entry)).collect()
}

fn path(folder: &ListedFolder, entry: &Entry) -> String {
    shown(&join(&folder.path, &entry.name))
}

impl Listing {
    pub(super) fn entry(&self, at: EntryAt) -> Option<(&ListedFolder, &Entry)> {
        let folder = self.folders.get(at.folder)?;
        Some((folder, folder.entries.get(at.entry)?))
    }
}
