//! The snapshot object: small, written last, names the root and the packs.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;
use workspace_core::id::{ProjectId, SnapshotId};

use crate::format::tree::{read_hashes, write_hashes};
use crate::format::{HEADER_BYTES, Hash, Kind, Malformed, Meta, PackRef, Reader, Writer, check_header, header};
use crate::options::Profile;

/// The last part of a snapshot's key. Names sort by generation, then by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SnapshotName {
    pub(crate) generation: u64,
    pub(crate) id: SnapshotId,
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}-{}", self.generation, self.id)
    }
}

impl FromStr for SnapshotName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed("a snapshot is named <data generation>-<id>");
        let (generation, id) = text.split_once('-').ok_or_else(malformed)?;
        let generation = generation.parse().map_err(|_| malformed())?;
        let name = Self { generation, id: id.parse().map_err(|_| malformed())? };
        if name.to_string() == text { Ok(name) } else { Err(malformed()) }
    }
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) project: ProjectId,
    pub(crate) name: SnapshotName,
    /// Microseconds since 1970.
    pub(crate) created_at: i64,
    pub(crate) profile: Profile,
    pub(crate) message: String,
    pub(crate) root: Meta,
    pub(crate) parts: Vec<Hash>,
    /// How many entries are no directories.
    pub(crate) files: u64,
    /// Their sizes together.
    pub(crate) bytes: u64,
    /// Every pack that holds a piece of it.
    pub(crate) packs: Vec<PackRef>,
}

impl Snapshot {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = Writer(header(Kind::Snapshot).to_vec());
        out.raw(self.project.as_uuid().as_bytes());
        out.raw(&self.name.generation.to_le_bytes());
        out.raw(self.name.id.as_uuid().as_bytes());
        out.raw(&self.created_at.to_le_bytes());
        out.byte(self.profile.code());
        out.string(self.message.as_bytes());
        self.root.write(&mut out);
        write_hashes(&mut out, &self.parts);
        out.number(self.files);
        out.number(self.bytes);
        out.length(self.packs.len());
        for pack in &self.packs {
            out.hash(&pack.hash);
            out.number(pack.size);
            out.number(pack.tail);
        }
        // Kept for what later versions add.
        out.string(&[]);
        let hash = Hash::of(&out.0);
        out.hash(&hash);
        out.0
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        check_header(bytes, Kind::Snapshot)?;
        let (body, hash) = bytes.split_last_chunk::<32>().ok_or(Malformed("it ends too early"))?;
        if Hash::of(body).0 != *hash {
            return Err(Malformed("its hash is another one"));
        }
        let mut reader = Reader::new(body.get(HEADER_BYTES..).ok_or(Malformed("it ends too early"))?);
        let project = ProjectId::from_uuid(Uuid::from_bytes(reader.array()?));
        let generation = u64::from_le_bytes(reader.array()?);
        let id = SnapshotId::from_uuid(Uuid::from_bytes(reader.array()?));
        let snapshot = Self {
            project,
            name: SnapshotName { generation, id },
            created_at: i64::from_le_bytes(reader.array()?),
            profile: Profile::from_code(reader.byte()?).ok_or(Malformed("its profile is unknown"))?,
            message: text(reader.string()?)?,
            root: Meta::read(&mut reader)?,
            parts: read_hashes(&mut reader)?,
            files: reader.number()?,
            bytes: reader.number()?,
            packs: read_packs(&mut reader)?,
        };
        reader.string()?;
        reader.end()?;
        Ok(snapshot)
    }
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Malformed("its message is no text"))
}

fn read_packs(reader: &mut Reader<'_>) -> Result<Vec<PackRef>, Malformed> {
    (0..reader.count(34)?)
        .map(|_| {
            let pack = PackRef { hash: reader.hash()?, size: reader.number()?, tail: reader.number()? };
            if pack.tail < pack.size { Ok(pack) } else { Err(Malformed("a pack ends before its trees")) }
        })
        .collect()
}
