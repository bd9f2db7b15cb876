//! The bytes of packs, trees and snapshots; `docs/snapshot-format.md` says the same in words.
//!
//! Everything that is read here came from outside: lengths and counts are checked before anything is allocated.

mod bytes;
mod hash;
mod header;
mod pack;
mod snapshot;
mod tree;

pub(crate) use bytes::{Reader, Writer};
pub(crate) use hash::{Hash, HashMap, HashSet};
pub(crate) use header::{HEADER_BYTES, Kind, check_header, header};
pub(crate) use pack::{
    FOOTER_BYTES, Footer, PackIndex, PackRef, PieceRef, SegmentIndex, SegmentKind, compress, decompress,
};
pub(crate) use snapshot::{Snapshot, SnapshotName};
pub(crate) use tree::{Content, Entry, Extent, Meta, PART_ENTRIES, ends_part, read_part, write_part};

/// Raw bytes of a segment at which it is closed.
pub(crate) const SEGMENT_BYTES: usize = 1 << 20;
/// The most raw bytes of one segment that a reader accepts.
pub(crate) const MAX_SEGMENT_BYTES: usize = 16 << 20;
/// Stored bytes at which a pack is closed.
pub(crate) const PACK_BYTES: usize = 12 << 20;

/// Bytes that do not follow the format; the message says where.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);
