//! Makes the trees of what was found, from the leaves to the root.

use std::collections::BTreeMap;

use bytes::Bytes;
use workspace_core::error::Result;

use crate::format::{Content, Entry, Hash, HashMap, Meta, PART_ENTRIES, SegmentKind, ends_part, write_part};
use crate::walk::{Folder, Identity, Node, NodeKind, Tree};
use crate::write::base::Base;
use crate::write::packer::Packer;
use crate::write::segment::OpenSegment;

/// The trees of a snapshot.
#[derive(Debug, Default)]
pub(super) struct Trees {
    pub(super) root: Vec<Hash>,
    /// All of them, for the cache.
    pub(super) parts: HashMap<Bytes>,
    pub(super) identities: BTreeMap<Vec<u8>, Vec<Identity>>,
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Names that are no directories and differ from the base.
    pub(super) changed: u64,
}

/// Makes trees, and sends those that storage does not have.
pub(super) struct Planting<'a> {
    pub(super) packer: &'a Packer<'a>,
    pub(super) base: Option<&'a Base>,
    /// What each folder is in the base.
    pub(super) base_parts: Vec<Option<Vec<Hash>>>,
    /// Identities from here on are not kept: a write may still leave them as they are.
    pub(super) young: i64,
}

impl Planting<'_> {
    pub(super) fn plant(&self, tree: &Tree) -> Result<Trees> {
        let mut trees = Trees::default();
        let mut segment = OpenSegment::new(SegmentKind::Tree);
        let mut parts_of: Vec<Vec<Hash>> = vec![Vec::new(); tree.folders.len()];
        for (index, folder) in tree.folders.iter().enumerate().rev() {
            let base_parts = self.base_parts.get(index).and_then(Option::as_ref);
            // The folder that it was in counts what is gone with it.
            if folder.gone {
                continue;
            }
            let (entries, identities) = self.entries(folder, tree, &mut parts_of, &mut trees);
            let parts = self.keep(&entries, &mut segment, &mut trees)?;
            if base_parts != Some(&parts) {
                trees.changed += self.differences(&entries, base_parts);
            }
            trees.identities.insert(folder.path.clone(), identities);
            if let Some(slot) = parts_of.get_mut(index) {
                *slot = parts;
            }
        }
        segment.close(self.packer)?;
        trees.root = parts_of.into_iter().next().unwrap_or_default();
        Ok(trees)
    }

    fn entries(
        &self,
        folder: &Folder,
        tree: &Tree,
        parts_of: &mut [Vec<Hash>],
        trees: &mut Trees,
    ) -> (Vec<Entry>, Vec<Identity>) {
        let mut entries = Vec::with_capacity(folder.nodes.len());
        let mut identities = Vec::with_capacity(folder.nodes.len());
        for node in &folder.nodes {
            let Some((meta, content)) = content(node, tree, parts_of) else { continue };
            match &content {
                Content::Directory { .. } => {}
                Content::File { size, .. } => (trees.files, trees.bytes) = (trees.files + 1, trees.bytes + size),
                Content::Symlink { .. } => trees.files += 1,
            }
            identities.push(match &node.kind {
                NodeKind::File(file) if file.identity.is_older_than(self.young) => file.identity,
                _ => Identity::default(),
            });
            entries.push(Entry { name: node.name.clone(), meta, content });
        }
        (entries, identities)
    }

    fn keep(&self, entries: &[Entry], segment: &mut OpenSegment, trees: &mut Trees) -> Result<Vec<Hash>> {
        let mut parts = Vec::new();
        let mut start = 0;
        for (at, entry) in entries.iter().enumerate() {
            let end = at + 1;
            if end == entries.len() || end - start == PART_ENTRIES || ends_part(&entry.name) {
                let bytes = write_part(entries.get(start..end).unwrap_or_default());
                segment.raw.extend_from_slice(&bytes);
                let hash = segment.keep(self.packer)?;
                let known = self.base.and_then(|base| base.trees.get(&hash)).cloned();
                trees.parts.insert(hash, known.unwrap_or_else(|| bytes.into()));
                parts.push(hash);
                start = end;
            }
        }
        Ok(parts)
    }

    /// How many names of a directory are new, gone or different.
    fn differences(&self, entries: &[Entry], base_parts: Option<&Vec<Hash>>) -> u64 {
        let (Some(base), Some(parts)) = (self.base, base_parts) else {
            return entries.iter().filter(|entry| is_file(entry)).count() as u64;
        };
        let before = base.folder(parts);
        let find = |entries: &[Entry], name: &[u8]| entries.binary_search_by(|entry| (*entry.name).cmp(name)).ok();
        let mut changed = 0;
        for entry in entries.iter().filter(|entry| is_file(entry)) {
            let same = find(&before, &entry.name).and_then(|at| before.get(at)) == Some(entry);
            changed += u64::from(!same);
        }
        for entry in &before {
            let now = find(entries, &entry.name).and_then(|at| entries.get(at));
            changed += match (&entry.content, now) {
                // A folder that is still one counts for itself.
                (Content::Directory { .. }, Some(now)) if !is_file(now) => 0,
                (Content::Directory { parts }, _) => base.count_files(parts),
                (_, Some(now)) if is_file(now) => 0,
                _ => 1,
            };
        }
        changed
    }
}

fn is_file(entry: &Entry) -> bool {
    !matches!(entry.content, Content::Directory { .. })
}

fn content(node: &Node, tree: &Tree, parts_of: &mut [Vec<Hash>]) -> Option<(Meta, Content)> {
    match &node.kind {
        NodeKind::Folder(child) => {
            if tree.folders.get(*child)?.gone {
                return None;
            }
            Some((node.meta, Content::Directory { parts: std::mem::take(parts_of.get_mut(*child)?) }))
        }
        NodeKind::File(file) => {
            let extents = file.extents.clone()?;
            Some((node.meta, Content::File { size: file.size, extents, link: file.link }))
        }
        NodeKind::Symlink(target) => Some((node.meta, Content::Symlink { target: target.clone() })),
        NodeKind::Gone => None,
    }
}
