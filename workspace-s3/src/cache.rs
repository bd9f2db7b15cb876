//! What is kept beside the data so that the next snapshot reads and asks little: trees, pack indexes, and what each
//! file was when it was read. Checked by hash; without it everything works, only slower.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::format::{Hash, HashMap, Malformed, PackIndex, Reader, Snapshot, Writer};
use crate::read::add_pieces;
use crate::walk::Identity;
use crate::write::Base;

/// Changes with what is written below.
const MAGIC: &[u8; 8] = b"wsf-che1";

/// A directory for caches; one may serve several projects and storages.
#[derive(Clone, Debug)]
pub(crate) struct Cache(PathBuf);

impl Cache {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    fn file(&self, place: &str) -> PathBuf {
        let hash = Hash::of(place.as_bytes()).to_string();
        self.0.join(format!("snapshot-{}", hash.get(..16).unwrap_or_default()))
    }

    /// What was saved last, and the bytes of its snapshot object. Nothing when it is missing or damaged.
    pub(crate) fn load(&self, place: &str) -> Option<(Base, Bytes)> {
        let bytes = Bytes::from(fs::read(self.file(place)).ok()?);
        let loaded = read(&bytes);
        if let Err(error) = &loaded {
            tracing::warn!(%error, "the snapshot cache is damaged and not used");
        }
        loaded.ok()
    }

    /// Saves what the next snapshot builds on; whole or not at all.
    pub(crate) fn save(
        &self,
        place: &str,
        snapshot: &Snapshot,
        indexes: &[PackIndex],
        trees: &HashMap<Bytes>,
        identities: &BTreeMap<Vec<u8>, Vec<Identity>>,
    ) -> std::io::Result<()> {
        let bytes = write(snapshot, indexes, trees, identities);
        fs::create_dir_all(&self.0)?;
        let target = self.file(place);
        let new = target.with_extension("new");
        let written = replace(&new, &target, &bytes);
        if written.is_err() {
            drop(fs::remove_file(&new));
        }
        written
    }
}

fn replace(new: &Path, target: &Path, bytes: &[u8]) -> std::io::Result<()> {
    fs::File::create(new)?.write_all(bytes)?;
    fs::rename(new, target)
}

fn write(
    snapshot: &Snapshot,
    indexes: &[PackIndex],
    trees: &HashMap<Bytes>,
    identities: &BTreeMap<Vec<u8>, Vec<Identity>>,
) -> Vec<u8> {
    let mut out = Writer::default();
    out.raw(MAGIC);
    out.string(&snapshot.write());
    out.length(indexes.len());
    for index in indexes {
        out.string(&index.write());
    }
    out.length(trees.len());
    for (hash, tree) in trees {
        out.hash(hash);
        out.string(tree);
    }
    out.length(identities.len());
    for (path, identities) in identities {
        out.string(path);
        out.length(identities.len());
        for identity in identities {
            out.number(identity.inode);
            out.signed(identity.changed_seconds);
            out.number(identity.changed_nanos.into());
        }
    }
    let hash = Hash::of(&out.0);
    out.hash(&hash);
    out.0
}

fn read(bytes: &Bytes) -> Result<(Base, Bytes), Malformed> {
    let (body, hash) = bytes.split_last_chunk::<32>().ok_or(Malformed("it ends too early"))?;
    if Hash::of(body).0 != *hash {
        return Err(Malformed("its hash is another one"));
    }
    let mut reader = Reader::new(body);
    if &reader.array()? != MAGIC {
        return Err(Malformed("it is of another version"));
    }
    let object = bytes.slice_ref(reader.string()?);
    let snapshot = Snapshot::read(&object)?;
    let mut indexes = Vec::with_capacity(snapshot.packs.len());
    let mut pieces = HashMap::default();
    for pack in 0..reader.count(1)? {
        let (index, _, _) = PackIndex::read(reader.string()?)?;
        add_pieces(&mut pieces, pack, &index);
        indexes.push(index);
    }
    let mut trees = HashMap::default();
    for _ in 0..reader.count(33)? {
        let hash = reader.hash()?;
        trees.insert(hash, bytes.slice_ref(reader.string()?));
    }
    let identities = read_identities(&mut reader)?;
    reader.end()?;
    if indexes.len() != snapshot.packs.len() {
        return Err(Malformed("it has not as many indexes as packs"));
    }
    Ok((Base { snapshot, indexes, pieces, trees, identities }, object))
}

fn read_identities(reader: &mut Reader<'_>) -> Result<BTreeMap<Vec<u8>, Vec<Identity>>, Malformed> {
    let mut all = BTreeMap::new();
    for _ in 0..reader.count(2)? {
        let path = reader.string()?.to_vec();
        let mut identities = Vec::with_capacity(reader.count(3)?);
        for _ in 0..identities.capacity() {
            let (inode, changed_seconds, changed_nanos) = (reader.number()?, reader.signed()?, reader.number()?);
            let changed_nanos = u32::try_from(changed_nanos).map_err(|_| Malformed("a time makes no sense"))?;
            identities.push(Identity { inode, changed_seconds, changed_nanos });
        }
        all.insert(path, identities);
    }
    Ok(all)
}
