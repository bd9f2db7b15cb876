//! The snapshot that a new one builds on.

use std::collections::BTreeMap;

use bytes::Bytes;
use workspace_core::error::Result;

use crate::format::{Content, Hash, HashMap, PackIndex, Snapshot};
use crate::read::{Catalog, Listing, Place};
use crate::walk::Identity;

/// What is in storage already.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) snapshot: Snapshot,
    /// One for each pack of the snapshot.
    pub(crate) indexes: Vec<PackIndex>,
    pub(crate) pieces: HashMap<Place>,
    /// All trees of the snapshot.
    pub(crate) trees: HashMap<Bytes>,
    /// By directory, in the order of its entries: what each was when it was read. Empty without a cache.
    pub(crate) identities: BTreeMap<Vec<u8>, Vec<Identity>>,
}

impl Base {
    /// From storage alone: contents are read again, but not sent again.
    ///
    /// # Errors
    /// When the snapshot is damaged: then nothing builds on it.
    pub(crate) fn from_catalog(mut catalog: Catalog) -> Result<Self> {
        if let Some((pack, problem)) = catalog.broken.first() {
            return Err(crate::objects::damaged(format!("pack {} is damaged: {problem}", pack.hash)));
        }
        let mut trees = HashMap::default();
        let snapshot = catalog.snapshot.clone();
        Listing::read(&snapshot, |hash| {
            let bytes = catalog.tree(hash)?;
            // A copy: a slice would keep its whole segment.
            trees.insert(*hash, Bytes::copy_from_slice(&bytes));
            Ok(bytes)
        })?;
        let Catalog { snapshot, indexes, pieces, .. } = catalog;
        Ok(Self { snapshot, indexes, pieces, trees, identities: BTreeMap::new() })
    }

    /// The entries of a directory; none when a tree is missing.
    pub(crate) fn folder(&self, parts: &[Hash]) -> Vec<crate::format::Entry> {
        let mut entries = Vec::new();
        for hash in parts {
            let part = self.trees.get(hash).and_then(|bytes| crate::format::read_part(bytes).ok());
            entries.extend(part.unwrap_or_default());
        }
        entries
    }

    /// How many names below a directory are no directories.
    pub(crate) fn count_files(&self, parts: &[Hash]) -> u64 {
        let mut count = 0;
        let mut open = vec![parts.to_vec()];
        while let Some(parts) = open.pop() {
            for entry in self.folder(&parts) {
                match entry.content {
                    Content::Directory { parts } => open.push(parts),
                    _ => count += 1,
                }
            }
        }
        count
    }
}
