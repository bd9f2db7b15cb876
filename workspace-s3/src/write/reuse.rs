//! Finds what did not change since the base: same size, modification time, change time and inode.

use crate::format::{Content, Hash};
use crate::walk::{NodeKind, Tree};
use crate::write::base::Base;

/// Gives unchanged files the pieces that they have in the base. Answers, for each folder of the tree, with the parts
/// that its directory has in the base.
pub(super) fn reuse(tree: &mut Tree, base: &Base) -> Vec<Option<Vec<Hash>>> {
    let mut parts: Vec<Option<Vec<Hash>>> = vec![None; tree.folders.len()];
    if let Some(first) = parts.first_mut() {
        *first = Some(base.snapshot.parts.clone());
    }
    for index in 0..tree.folders.len() {
        let (Some(folder), Some(Some(of_folder))) = (tree.folders.get_mut(index), parts.get(index)) else { continue };
        let entries = base.folder(of_folder);
        let identities = base.identities.get(&folder.path).filter(|known| known.len() == entries.len());
        for node in &mut folder.nodes {
            let Ok(at) = entries.binary_search_by(|entry| entry.name.cmp(&node.name)) else { continue };
            let Some(entry) = entries.get(at) else { continue };
            match (&mut node.kind, &entry.content) {
                (NodeKind::Folder(child), Content::Directory { parts: found }) => {
                    if let Some(slot) = parts.get_mut(*child) {
                        *slot = Some(found.clone());
                    }
                }
                (NodeKind::File(file), Content::File { size, extents, .. }) => {
                    let known = identities.and_then(|known| known.get(at));
                    let time = (node.meta.seconds, node.meta.nanos) == (entry.meta.seconds, entry.meta.nanos);
                    let stored =
                        || extents.iter().filter_map(|extent| extent.hash).all(|h| base.pieces.contains_key(&h));
                    if known == Some(&file.identity) && time && *size == file.size && stored() {
                        file.extents = Some(extents.clone());
                    }
                }
                _ => {}
            }
        }
    }
    parts
}
