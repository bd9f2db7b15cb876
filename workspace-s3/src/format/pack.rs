//! A pack: segments of file contents, segments of trees, an index, a footer.

use crate::format::{HEADER_BYTES, Hash, MAX_SEGMENT_BYTES, Malformed, Reader, Writer};

/// The last bytes of a pack.
pub(crate) const FOOTER_BYTES: usize = 64;
const FOOTER_MAGIC: &[u8; 8] = b"wsf-tail";
/// Frames are made at this level of zstd.
const LEVEL: i32 = 3;

/// What a segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SegmentKind {
    Data = 0,
    Tree = 1,
}

/// A piece: some bytes of a segment, named by their hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PieceRef {
    pub(crate) hash: Hash,
    pub(crate) length: u32,
}

/// A segment of a pack: one zstd frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentIndex {
    pub(crate) kind: SegmentKind,
    /// Where the frame begins in the pack; follows from the lengths before it.
    pub(crate) offset: u64,
    pub(crate) stored: u32,
    pub(crate) raw: u32,
    /// The pieces one after another: together the raw bytes.
    pub(crate) pieces: Vec<PieceRef>,
}

/// What a pack holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PackIndex {
    pub(crate) segments: Vec<SegmentIndex>,
}

/// A pack as a snapshot names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackRef {
    /// Of the whole pack; also its key.
    pub(crate) hash: Hash,
    pub(crate) size: u64,
    /// Where the segments of trees begin: from here on is what a reader needs before all else.
    pub(crate) tail: u64,
}

/// The end of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) tail: u64,
    pub(crate) index: u64,
    pub(crate) index_length: u64,
    pub(crate) index_hash: Hash,
}

impl PackIndex {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.length(self.segments.len());
        for segment in &self.segments {
            out.byte(segment.kind as u8);
            out.number(segment.stored.into());
            out.number(segment.raw.into());
            out.length(segment.pieces.len());
            for piece in &segment.pieces {
                out.number(piece.length.into());
                out.hash(&piece.hash);
            }
        }
        out.0
    }

    /// Reads an index; also answers with where trees begin and the segments end.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, u64, u64), Malformed> {
        let mut reader = Reader::new(bytes);
        let mut offset = HEADER_BYTES as u64;
        let mut tail = None;
        let mut segments = Vec::with_capacity(reader.count(4)?);
        for _ in 0..segments.capacity() {
            let segment = read_segment(&mut reader, offset)?;
            match (segment.kind, tail) {
                (SegmentKind::Tree, None) => tail = Some(offset),
                (SegmentKind::Data, Some(_)) => return Err(Malformed("contents follow trees")),
                _ => {}
            }
            offset += u64::from(segment.stored);
            segments.push(segment);
        }
        reader.end()?;
        Ok((Self { segments }, tail.unwrap_or(offset), offset))
    }
}

fn read_segment(reader: &mut Reader<'_>, offset: u64) -> Result<SegmentIndex, Malformed> {
    let kind = match reader.byte()? {
        0 => SegmentKind::Data,
        1 => SegmentKind::Tree,
        _ => return Err(Malformed("a segment is of an unknown kind")),
    };
    let (stored, raw) = (length(reader)?, length(reader)?);
    let mut pieces = Vec::with_capacity(reader.count(33)?);
    let mut left = raw;
    for _ in 0..pieces.capacity() {
        let piece = PieceRef { length: length(reader)?, hash: reader.hash()? };
        left = left.checked_sub(piece.length).ok_or(Malformed("the pieces of a segment are longer than it is"))?;
        pieces.push(piece);
    }
    if left == 0 {
        Ok(SegmentIndex { kind, offset, stored, raw, pieces })
    } else {
        Err(Malformed("the pieces of a segment are shorter than it is"))
    }
}

fn length(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    let length = reader.number()?;
    match u32::try_from(length) {
        // A frame of zstd is at most a little longer than what is in it.
        Ok(fits) if length <= MAX_SEGMENT_BYTES as u64 * 9 / 8 => Ok(fits),
        _ => Err(Malformed("a segment is too long")),
    }
}

impl Footer {
    pub(crate) fn write(&self) -> [u8; FOOTER_BYTES] {
        let mut out = Writer::default();
        for number in [self.tail, self.index, self.index_length] {
            out.raw(&number.to_le_bytes());
        }
        out.hash(&self.index_hash);
        out.raw(FOOTER_MAGIC);
        out.0.try_into().unwrap_or([0; FOOTER_BYTES])
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut number = || reader.array().map(u64::from_le_bytes);
        let (tail, index, index_length) = (number()?, number()?, number()?);
        let index_hash = reader.hash()?;
        if &reader.array()? == FOOTER_MAGIC {
            reader.end()?;
            Ok(Self { tail, index, index_length, index_hash })
        } else {
            Err(Malformed("it does not end as a pack does"))
        }
    }
}

/// Makes the frame of a segment, in memory that is used again.
pub(crate) fn compress(raw: &[u8], frame: &mut Vec<u8>) -> std::io::Result<()> {
    frame.clear();
    frame.reserve(zstd::zstd_safe::compress_bound(raw.len()));
    zstd::bulk::Compressor::new(LEVEL)?.compress_to_buffer(raw, frame).map(|_| ())
}

/// Opens the frame of a segment; the index says how long it must be.
pub(crate) fn decompress(frame: &[u8], raw: u32) -> std::io::Result<Vec<u8>> {
    let bytes = zstd::bulk::decompress(frame, raw as usize)?;
    if bytes.len() == raw as usize { Ok(bytes) } else { Err(std::io::Error::other("a segment has another length")) }
}
