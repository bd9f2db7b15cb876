//! Names of one and the same file.

use std::collections::BTreeMap;

use crate::files::join;
use crate::format::Hash;
use crate::walk::{NodeKind, Tree};

/// Files with more than one name: device and inode, then where the names are.
pub(super) type Names = BTreeMap<(u64, u64), Vec<(usize, usize)>>;

/// Gives all names of a file the same number: taken from the least of their paths, so that a number stays the same
/// while the names do, on any server.
pub(super) fn number_links(tree: &mut Tree, names: &Names) {
    for group in names.values().filter(|group| group.len() > 1) {
        let path = |&(folder, node): &(usize, usize)| {
            let folder = tree.folders.get(folder)?;
            Some(join(&folder.path, &folder.nodes.get(node)?.name))
        };
        let Some(first) = group.iter().filter_map(path).min() else { continue };
        let number = Hash::of(&first).0.first_chunk().map_or(1, |bytes| u64::from_le_bytes(*bytes).max(1));
        for &(folder, node) in group {
            let node = tree.folders.get_mut(folder).and_then(|folder| folder.nodes.get_mut(node));
            if let Some(NodeKind::File(file)) = node.map(|node| &mut node.kind) {
                file.link = number;
            }
        }
    }
}
