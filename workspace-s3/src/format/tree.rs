//! A directory: entries in the order of their names, in one or more parts.

use crate::format::{Hash, Malformed, Reader, Writer};

/// The version of a part's bytes.
const VERSION: u8 = 1;
/// The most entries of one part.
pub(crate) const PART_ENTRIES: usize = 4096;
/// Longest name of a file on Linux.
const MAX_NAME: usize = 255;
/// Longest target of a symbolic link on Linux.
const MAX_TARGET: usize = 4095;

/// Permissions and time of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    /// The bits 0o1777; setuid and setgid are not kept.
    pub(crate) mode: u32,
    /// Seconds since 1970.
    pub(crate) seconds: i64,
    /// Nanoseconds of that second.
    pub(crate) nanos: u32,
}

/// A run of a file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) length: u64,
    /// The piece with the bytes; `None` is a hole.
    pub(crate) hash: Option<Hash>,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    File {
        size: u64,
        extents: Vec<Extent>,
        /// Not 0 for names of one and the same file: all of them have the same number.
        link: u64,
    },
    Directory {
        parts: Vec<Hash>,
    },
    Symlink {
        target: Box<[u8]>,
    },
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Box<[u8]>,
    pub(crate) meta: Meta,
    pub(crate) content: Content,
}

/// Whether a part ends after this name: about every 256th. A change then touches one part of a large directory.
pub(crate) fn ends_part(name: &[u8]) -> bool {
    Hash::of(name).0[0] == 0
}

/// The bytes of a part.
pub(crate) fn write_part(entries: &[Entry]) -> Vec<u8> {
    let mut out = Writer::default();
    out.byte(VERSION);
    out.length(entries.len());
    for entry in entries {
        write_entry(&mut out, entry);
    }
    out.0
}

fn write_entry(out: &mut Writer, entry: &Entry) {
    out.byte(match entry.content {
        Content::File { .. } => 0,
        Content::Directory { .. } => 1,
        Content::Symlink { .. } => 2,
    });
    out.string(&entry.name);
    entry.meta.write(out);
    match &entry.content {
        Content::File { size, extents, link } => {
            out.number(*size);
            out.raw(&link.to_le_bytes());
            out.length(extents.len());
            for extent in extents {
                out.number(extent.length << 1 | u64::from(extent.hash.is_none()));
                if let Some(hash) = &extent.hash {
                    out.hash(hash);
                }
            }
        }
        Content::Directory { parts } => write_hashes(out, parts),
        Content::Symlink { target } => out.string(target),
    }
    // Kept for what later versions add, such as extended attributes.
    out.string(&[]);
}

/// Reads a part; names are checked here, their order among parts by [`follows`](Entry::follows).
pub(crate) fn read_part(bytes: &[u8]) -> Result<Vec<Entry>, Malformed> {
    let mut reader = Reader::new(bytes);
    if reader.byte()? != VERSION {
        return Err(Malformed("a directory is of a later version"));
    }
    let mut entries: Vec<Entry> = Vec::with_capacity(reader.count(8)?);
    for _ in 0..entries.capacity() {
        let entry = read_entry(&mut reader)?;
        entry.follows(entries.last())?;
        entries.push(entry);
    }
    reader.end()?;
    Ok(entries)
}

fn read_entry(reader: &mut Reader<'_>) -> Result<Entry, Malformed> {
    let kind = reader.byte()?;
    let name = reader.string()?;
    check_name(name)?;
    let meta = Meta::read(reader)?;
    let content = match kind {
        0 => read_file(reader)?,
        1 => Content::Directory { parts: read_hashes(reader)? },
        2 => Content::Symlink { target: check_target(reader.string()?)?.into() },
        _ => return Err(Malformed("an entry is of an unknown kind")),
    };
    reader.string()?;
    Ok(Entry { name: name.into(), meta, content })
}

fn read_file(reader: &mut Reader<'_>) -> Result<Content, Malformed> {
    let size = reader.number()?;
    let link = u64::from_le_bytes(reader.array()?);
    let mut extents = Vec::with_capacity(reader.count(1)?);
    let mut left = size;
    for _ in 0..extents.capacity() {
        let number = reader.number()?;
        let length = number >> 1;
        let hash = if number & 1 == 0 { Some(reader.hash()?) } else { None };
        left = left.checked_sub(length).ok_or(Malformed("a file has more than its size"))?;
        extents.push(Extent { length, hash });
    }
    if left != 0 || extents.iter().any(|extent| extent.length == 0) || i64::try_from(size).is_err() {
        return Err(Malformed("a file has another size than its parts"));
    }
    Ok(Content::File { size, extents, link })
}

impl Meta {
    pub(crate) fn write(&self, out: &mut Writer) {
        out.number(self.mode.into());
        out.signed(self.seconds);
        out.number(self.nanos.into());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (mode, seconds, nanos) = (reader.number()?, reader.signed()?, reader.number()?);
        match (u32::try_from(mode), u32::try_from(nanos)) {
            (Ok(mode), Ok(nanos)) if mode & !0o1777 == 0 && nanos < 1_000_000_000 => Ok(Self { mode, seconds, nanos }),
            _ => Err(Malformed("a mode or a time makes no sense")),
        }
    }
}

impl Entry {
    /// Names grow strictly: none comes twice.
    pub(crate) fn follows(&self, before: Option<&Self>) -> Result<(), Malformed> {
        match before {
            Some(before) if before.name >= self.name => Err(Malformed("the names of a directory are not in order")),
            _ => Ok(()),
        }
    }
}

pub(crate) fn write_hashes(out: &mut Writer, hashes: &[Hash]) {
    out.length(hashes.len());
    for hash in hashes {
        out.hash(hash);
    }
}

pub(crate) fn read_hashes(reader: &mut Reader<'_>) -> Result<Vec<Hash>, Malformed> {
    (0..reader.count(32)?).map(|_| reader.hash()).collect()
}

fn check_name(name: &[u8]) -> Result<(), Malformed> {
    let bad = matches!(name, b"" | b"." | b"..") || name.len() > MAX_NAME || name.iter().any(|b| matches!(b, 0 | b'/'));
    if bad { Err(Malformed("a name leads out of its directory or is none")) } else { Ok(()) }
}

fn check_target(target: &[u8]) -> Result<&[u8], Malformed> {
    let bad = target.is_empty() || target.len() > MAX_TARGET || target.contains(&0);
    if bad { Err(Malformed("the target of a link is none")) } else { Ok(target) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &[u8]) -> Entry {
        let meta = Meta { mode: 0o777, seconds: -1, nanos: 5 };
        Entry { name: name.into(), meta, content: Content::Symlink { target: b"x".as_slice().into() } }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in [b"".as_slice(), b".", b"..", b"a/b", b"/etc", b"a\0", &[b'n'; 256]] {
            assert!(read_part(&write_part(&[link(name)])).is_err(), "{name:?}");
        }
        assert!(read_part(&write_part(&[link(b"a"), link(b"a")])).is_err());
        assert!(read_part(&write_part(&[link(b"b"), link(b"a")])).is_err());
        let good = [link(b"..."), link(b"\xff\xfe")];
        assert_eq!(read_part(&write_part(&good)).unwrap(), good);
    }

    #[test]
    fn sizes_must_add_up() {
        let file = |size, extents| Entry { content: Content::File { size, extents, link: 0 }, ..link(b"f") };
        let hole = |length| Extent { length, hash: None };
        assert!(read_part(&write_part(&[file(5, vec![hole(5)])])).is_ok());
        assert!(read_part(&write_part(&[file(5, vec![hole(4)])])).is_err());
        assert!(read_part(&write_part(&[file(5, vec![hole(6)])])).is_err());
        assert!(read_part(&write_part(&[file(0, vec![hole(0)])])).is_err());
    }
}
