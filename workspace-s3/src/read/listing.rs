//! All of a snapshot's tree, checked before anything is made of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use workspace_core::error::Result;

use crate::files::join;
use crate::format::{Content, Entry, Extent, Hash, Malformed, Meta, Snapshot, read_part};
use crate::objects::damaged;
use crate::read::catalog::Catalog;
use crate::report::shown;

/// The most directories within each other.
const MAX_DEPTH: usize = 2_000;
/// The most names: a snapshot may name one directory many times over.
const MAX_ENTRIES: usize = 50_000_000;

/// A directory of a snapshot.
#[derive(Debug)]
pub(crate) struct ListedFolder {
    pub(crate) path: Vec<u8>,
    pub(crate) meta: Meta,
    /// In the order of their names.
    pub(crate) entries: Vec<Entry>,
}

/// A snapshot's tree. A folder comes after the one that it is in; the first is the root.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) folders: Vec<ListedFolder>,
}

impl Listing {
    /// Reads and checks the whole tree; `tree` gives the bytes of a part by its hash.
    pub(crate) fn read(snapshot: &Snapshot, mut tree: impl FnMut(&Hash) -> Result<Bytes>) -> Result<Self> {
        let mut listing = Self::default();
        let mut links = BTreeMap::new();
        let mut count = 0;
        let mut open = vec![(Vec::new(), snapshot.root, snapshot.parts.clone(), 0)];
        while let Some((path, meta, parts, depth)) = open.pop() {
            let entries = read_folder(&path, &parts, &mut tree)?;
            count += entries.len() + 1;
            if depth > MAX_DEPTH || count > MAX_ENTRIES {
                return Err(damaged("the snapshot has more directories than can be believed"));
            }
            for entry in entries.iter().rev() {
                check_link(&mut links, entry).map_err(|error| malformed(&path, error))?;
                if let Content::Directory { parts } = &entry.content {
                    open.push((join(&path, &entry.name), entry.meta, parts.clone(), depth + 1));
                }
            }
            listing.folders.push(ListedFolder { path, meta, entries });
        }
        Ok(listing)
    }

    /// Checks that every file's bytes are in some pack.
    pub(crate) fn check_pieces(&self, catalog: &Catalog) -> Result<()> {
        let mut lost = Vec::new();
        for (folder, entry) in self.files() {
            let Content::File { extents, .. } = &entry.content else { continue };
            let whole = |extent: &Extent| match extent.hash {
                Some(hash) => catalog.pieces.get(&hash).is_some_and(|place| u64::from(place.length) == extent.length),
                None => true,
            };
            if !extents.iter().all(whole) {
                lost.push(shown(&join(&folder.path, &entry.name)));
            }
        }
        if lost.is_empty() { Ok(()) } else { Err(catalog.lost_files(&lost)) }
    }

    /// The paths of files that have bytes in a pack.
    pub(crate) fn files_in(&self, catalog: &Catalog, pack: usize) -> Vec<String> {
        let in_pack = |extent: &Extent| {
            let place = extent.hash.and_then(|hash| catalog.pieces.get(&hash));
            place.is_some_and(|place| place.pack as usize == pack)
        };
        let files = self.files().filter(|(_, entry)| match &entry.content {
            Content::File { extents, .. } => extents.iter().any(in_pack),
            _ => false,
        });
        files.map(|(folder, entry)| shown(&join(&folder.path, &entry.name))).collect()
    }

    /// Names that are no directories.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&ListedFolder, &Entry)> {
        let all = self.folders.iter().flat_map(|folder| folder.entries.iter().map(move |entry| (folder, entry)));
        all.filter(|(_, entry)| !matches!(entry.content, Content::Directory { .. }))
    }
}

/// The entries of a directory, from all of its parts.
pub(crate) fn read_folder(
    path: &[u8],
    parts: &[Hash],
    tree: &mut impl FnMut(&Hash) -> Result<Bytes>,
) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    for hash in parts {
        let part = read_part(&tree(hash)?).map_err(|error| malformed(path, error))?;
        if let Some(first) = part.first() {
            first.follows(entries.last()).map_err(|error| malformed(path, error))?;
        }
        entries.extend(part);
    }
    Ok(entries)
}

type SameFile = (u64, Vec<Extent>, Meta);

/// Names of one file must agree on what the file is.
fn check_link(links: &mut BTreeMap<u64, SameFile>, entry: &Entry) -> Result<(), Malformed> {
    let Content::File { size, extents, link: link @ 1.. } = &entry.content else { return Ok(()) };
    let same = links.entry(*link).or_insert_with(|| (*size, extents.clone(), entry.meta));
    if (same.0, &same.1, same.2) == (*size, extents, entry.meta) {
        Ok(())
    } else {
        Err(Malformed("names of one file differ in what it is"))
    }
}

fn malformed(path: &[u8], error: Malformed) -> workspace_core::error::Error {
    damaged(format!("the directory /{} of the snapshot makes no sense", shown(path))).source(error)
}

#[cfg(test)]
mod tests {
    use workspace_core::error::ErrorKind;
    use workspace_core::id::{ProjectId, SnapshotId};

    use super::*;
    use crate::format::{HashMap, SnapshotName, write_part};
    use crate::options::Profile;

    const META: Meta = Meta { mode: 0o755, seconds: 0, nanos: 0 };

    fn entry(name: &str, content: Content) -> Entry {
        Entry { name: name.as_bytes().into(), meta: META, content }
    }

    fn file(name: &str, size: u64, link: u64) -> Entry {
        entry(name, Content::File { size, extents: vec![Extent { length: size, hash: None }], link })
    }

    /// Reads a tree whose root has these parts; `trees` are further directories.
    fn read(parts: &[&[Entry]], trees: &[&[Entry]]) -> Result<Listing> {
        let bytes = |entries: &&[Entry]| Bytes::from(write_part(entries));
        let all: HashMap<Bytes> = parts.iter().chain(trees).map(bytes).map(|bytes| (Hash::of(&bytes), bytes)).collect();
        let snapshot = Snapshot {
            project: ProjectId::from_uuid(uuid::Uuid::nil()),
            name: SnapshotName { generation: 0, id: SnapshotId::from_uuid(uuid::Uuid::nil()) },
            created_at: 0,
            profile: Profile::Full,
            message: String::new(),
            root: META,
            parts: parts.iter().map(bytes).map(|bytes| Hash::of(&bytes)).collect(),
            files: 0,
            bytes: 0,
            packs: Vec::new(),
        };
        Listing::read(&snapshot, |hash| all.get(hash).cloned().ok_or_else(|| damaged("lost")))
    }

    fn folder(name: &str, inside: &[Entry]) -> Entry {
        entry(name, Content::Directory { parts: vec![Hash::of(&write_part(inside))] })
    }

    #[test]
    fn names_must_be_in_order_over_parts() {
        assert!(read(&[&[file("a", 1, 0)], &[file("b", 1, 0)]], &[]).is_ok());
        for second in ["a", "Z"] {
            let error = read(&[&[file("a", 1, 0)], &[file(second, 1, 0)]], &[]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SnapshotDamaged);
        }
    }

    #[test]
    fn names_of_one_file_must_agree() {
        assert!(read(&[&[file("a", 1, 7), file("b", 1, 7)]], &[]).is_ok());
        assert!(read(&[&[file("a", 1, 7), file("b", 2, 7)]], &[]).is_err());
    }

    #[test]
    fn names_that_lead_out_are_refused_at_any_depth() {
        for name in ["..", ".", "/etc", "a/../../b"] {
            let inside = [file(name, 1, 0)];
            assert!(read(&[&[folder("deep", &inside)]], &[&inside]).is_err(), "{name}");
        }
    }

    #[test]
    fn a_tree_that_is_too_deep_is_refused() {
        let mut chain: Vec<Vec<Entry>> = vec![vec![]];
        for level in 0..=MAX_DEPTH {
            let below = chain[level].clone();
            chain.push(vec![folder("d", &below)]);
        }
        let chain: Vec<&[Entry]> = chain.iter().map(Vec::as_slice).collect();
        assert!(read(&chain[MAX_DEPTH..=MAX_DEPTH], &chain).is_ok());
        assert!(read(&chain[MAX_DEPTH + 1..], &chain).is_err());
    }
}
