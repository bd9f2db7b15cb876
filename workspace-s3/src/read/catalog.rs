//! What a snapshot's packs hold, and where.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use workspace_core::error::{Error, Result};

use crate::format::{
    FOOTER_BYTES, Footer, Hash, HashMap, Malformed, PackIndex, PackRef, SegmentKind, Snapshot, SnapshotName, decompress,
};
use crate::objects::{Objects, damaged, no_such_snapshot};

/// Requests in flight at once.
const PARALLEL: usize = 8;

/// Where a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of the pack in the snapshot.
    pub(crate) pack: u32,
    /// The number of the segment in the pack.
    pub(crate) segment: u32,
    /// The first byte in the raw segment.
    pub(crate) offset: u32,
    pub(crate) length: u32,
}

/// A snapshot with the indexes of its packs and its trees.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) snapshot: Snapshot,
    /// One for each pack of the snapshot; empty where the pack is damaged.
    pub(crate) indexes: Vec<PackIndex>,
    pub(crate) pieces: HashMap<Place>,
    /// Packs that are missing or damaged, and how.
    pub(crate) broken: Vec<(PackRef, &'static str)>,
    /// The ends of the packs, from the first tree on.
    tails: Vec<Bytes>,
    /// Segments of trees that were opened.
    open: std::collections::BTreeMap<(u32, u32), Bytes>,
}

/// Gets a snapshot object and checks it.
pub(crate) async fn fetch_snapshot(objects: &Objects, name: SnapshotName) -> Result<(Snapshot, Bytes)> {
    let version = name.to_string();
    let bytes = objects.get(&objects.snapshot(name)).await?.ok_or_else(|| no_such_snapshot(Some(&version)))?;
    let fails = |error| damaged(format!("the snapshot {version} is damaged")).source(error);
    let snapshot = Snapshot::read(&bytes).map_err(fails)?;
    if snapshot.name == name { Ok((snapshot, bytes)) } else { Err(fails(Malformed("it is another snapshot"))) }
}

/// Gets the ends of all packs, several at a time; `None` for one that is missing.
pub(crate) async fn fetch_tails(objects: &Objects, packs: &[PackRef]) -> Result<Vec<Option<Bytes>>> {
    let fetch = |pack: PackRef| async move { objects.get_range(&objects.pack(&pack.hash), pack.tail..pack.size).await };
    stream::iter(packs.iter().copied().map(fetch)).buffered(PARALLEL).try_collect().await
}

impl Catalog {
    pub(crate) fn new(snapshot: Snapshot, tails: Vec<Option<Bytes>>) -> Self {
        let mut catalog = Self {
            snapshot,
            indexes: Vec::new(),
            pieces: HashMap::default(),
            broken: Vec::new(),
            tails: Vec::new(),
            open: std::collections::BTreeMap::new(),
        };
        let packs = catalog.snapshot.packs.clone();
        for (pack, tail) in packs.into_iter().zip(tails) {
            let index = match &tail {
                Some(tail) => read_tail(&pack, tail).map_err(|error| error.0),
                None => Err("it is missing"),
            };
            catalog.add(pack, index, tail.unwrap_or_default());
        }
        catalog
    }

    fn add(&mut self, pack: PackRef, index: Result<PackIndex, &'static str>, tail: Bytes) {
        let index = index.unwrap_or_else(|problem| {
            self.broken.push((pack, problem));
            PackIndex::default()
        });
        add_pieces(&mut self.pieces, self.indexes.len(), &index);
        self.indexes.push(index);
        self.tails.push(tail);
    }

    /// The bytes of a tree, checked.
    pub(crate) fn tree(&mut self, hash: &Hash) -> Result<Bytes> {
        let lost = |reason: &str| damaged(format!("a directory of the snapshot cannot be read: {reason}"));
        let place = *self.pieces.get(hash).ok_or_else(|| match self.broken.first() {
            Some((pack, problem)) => lost(&format!("pack {}: {problem}", pack.hash)),
            None => lost("no pack has it"),
        })?;
        let segment = match self.open.get(&(place.pack, place.segment)) {
            Some(segment) => segment.clone(),
            None => self.open_segment(place)?,
        };
        let piece = slice(&segment, place).filter(|piece| Hash::of(piece) == *hash);
        piece.ok_or_else(|| lost("its hash is another one"))
    }

    fn open_segment(&mut self, place: Place) -> Result<Bytes> {
        let lost = || damaged("a directory of the snapshot cannot be read: its segment is damaged");
        let (pack, segment) = (place.pack as usize, place.segment as usize);
        let index = self.indexes.get(pack).and_then(|index| index.segments.get(segment)).ok_or_else(lost)?;
        let tail = self.snapshot.packs.get(pack).map_or(0, |pack| pack.tail);
        let (true, Some(start)) = (index.kind == SegmentKind::Tree, index.offset.checked_sub(tail)) else {
            return Err(lost());
        };
        let start = usize::try_from(start).map_err(|_| lost())?;
        let frame = self.tails.get(pack).and_then(|tail| tail.get(start..start + index.stored as usize));
        let raw = decompress(frame.ok_or_else(lost)?, index.raw).map_err(|error| lost().source(error))?;
        let raw = Bytes::from(raw);
        self.open.insert((place.pack, place.segment), raw.clone());
        Ok(raw)
    }

    /// Forgets what only trees are read from.
    pub(crate) fn close_trees(&mut self) {
        self.open.clear();
        self.tails.clear();
    }

    /// The error for files whose bytes are in no pack; names some of them.
    pub(crate) fn lost_files(&self, paths: &[String]) -> Error {
        let why = match self.broken.first() {
            Some((pack, problem)) => format!("pack {}: {problem}", pack.hash),
            None => "no pack has their bytes".to_owned(),
        };
        lost_files(paths, &why)
    }
}

/// An error that names files; the first few, and how many more.
pub(crate) fn lost_files(paths: &[String], why: &str) -> Error {
    const NAMED: usize = 5;
    if paths.is_empty() {
        return damaged(format!("the snapshot is damaged, though no file of it: {why}"));
    }
    let named = paths.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match paths.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    damaged(format!("the snapshot has lost {named}{more}: {why}"))
}

/// Notes where each piece of a pack is; the first place counts.
pub(crate) fn add_pieces(pieces: &mut HashMap<Place>, pack: usize, index: &PackIndex) {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    for (segment, pieces_of) in index.segments.iter().enumerate() {
        let mut offset = 0;
        for piece in &pieces_of.pieces {
            let place = Place { pack: number(pack), segment: number(segment), offset, length: piece.length };
            pieces.entry(piece.hash).or_insert(place);
            offset += piece.length;
        }
    }
}

/// A piece of a raw segment.
pub(crate) fn slice(segment: &Bytes, place: Place) -> Option<Bytes> {
    let (start, end) = (place.offset as usize, place.offset as usize + place.length as usize);
    (end <= segment.len()).then(|| segment.slice(start..end))
}

fn read_tail(pack: &PackRef, tail: &[u8]) -> Result<PackIndex, Malformed> {
    let (rest, footer) = tail.split_last_chunk::<FOOTER_BYTES>().ok_or(Malformed("it is cut off"))?;
    let footer = Footer::read(footer)?;
    let start = footer.index.checked_sub(pack.tail).and_then(|start| usize::try_from(start).ok());
    let bytes = start.and_then(|start| rest.get(start..)).ok_or(Malformed("its index is elsewhere"))?;
    if bytes.len() as u64 != footer.index_length || Hash::of(bytes) != footer.index_hash {
        return Err(Malformed("its index is damaged"));
    }
    let (index, trees, end) = PackIndex::read(bytes)?;
    if trees == footer.tail && footer.tail == pack.tail && end == footer.index {
        Ok(index)
    } else {
        Err(Malformed("its index and its footer say different things"))
    }
}
