//! Collects pieces until they make a segment.

use workspace_core::error::Result;

use crate::format::{Hash, PieceRef, SEGMENT_BYTES, SegmentKind};
use crate::write::packer::Packer;

/// A segment that is being filled. Bytes are appended to `raw` and become a piece, or are taken back.
#[derive(Debug)]
pub(super) struct OpenSegment {
    kind: SegmentKind,
    pub(super) raw: Vec<u8>,
    pieces: Vec<PieceRef>,
    /// How much of `raw` belongs to pieces.
    full: usize,
    /// Where it is compressed to.
    frame: Vec<u8>,
}

impl OpenSegment {
    pub(super) fn new(kind: SegmentKind) -> Self {
        Self { kind, raw: Vec::new(), pieces: Vec::new(), full: 0, frame: Vec::new() }
    }

    /// The bytes that were appended since the last piece.
    pub(super) fn pending(&self) -> &[u8] {
        self.raw.get(self.full..).unwrap_or_default()
    }

    pub(super) fn take_back(&mut self) {
        self.raw.truncate(self.full);
    }

    /// Makes a piece of what was appended, unless storage or this snapshot has it already. Answers with its hash.
    pub(super) fn keep(&mut self, packer: &Packer<'_>) -> Result<Hash> {
        let hash = Hash::of(self.pending());
        if packer.claim(&hash) {
            let length = u32::try_from(self.pending().len()).unwrap_or(u32::MAX);
            self.pieces.push(PieceRef { hash, length });
            self.full = self.raw.len();
            if self.full >= SEGMENT_BYTES {
                self.close(packer)?;
            }
        } else {
            self.take_back();
        }
        Ok(hash)
    }

    /// Gives what there is to the packer.
    pub(super) fn close(&mut self, packer: &Packer<'_>) -> Result<()> {
        self.take_back();
        if !self.pieces.is_empty() {
            packer.add(self.kind, &self.raw, &mut self.frame, std::mem::take(&mut self.pieces))?;
        }
        self.raw.clear();
        self.full = 0;
        Ok(())
    }
}
