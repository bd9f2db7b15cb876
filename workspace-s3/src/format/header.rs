//! The first 16 bytes of every object.

use crate::format::Malformed;

/// How long the header is.
pub(crate) const HEADER_BYTES: usize = 16;
/// The version that is written, and the only one that is read.
const VERSION: u16 = 1;
/// The cipher of frames: none. 1 is kept for XChaCha20-Poly1305 with a project key.
const PLAIN: u8 = 0;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pack,
    Snapshot,
}

impl Kind {
    const fn magic(self) -> [u8; 8] {
        match self {
            Self::Pack => *b"wsf-pack",
            Self::Snapshot => *b"wsf-snap",
        }
    }
}

/// The header of an object.
pub(crate) fn header(kind: Kind) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&kind.magic());
    header[8..10].copy_from_slice(&VERSION.to_le_bytes());
    header[10] = PLAIN;
    header
}

/// Checks that bytes begin as an object of this kind does.
pub(crate) fn check_header(bytes: &[u8], kind: Kind) -> Result<(), Malformed> {
    let found = bytes.get(..HEADER_BYTES).ok_or(Malformed("it ends within its header"))?;
    let expected = header(kind);
    if found[..8] != expected[..8] {
        Err(Malformed("it does not begin as it should"))
    } else if found[8..10] != expected[8..10] {
        Err(Malformed("its format is of a later version"))
    } else if found[10] != PLAIN {
        Err(Malformed("it is encrypted, and this version knows no key"))
    } else if found[11..] != expected[11..] {
        Err(Malformed("its header has bytes that must be zero"))
    } else {
        Ok(())
    }
}
