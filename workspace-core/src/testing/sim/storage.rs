//! The object storage of a simulated world, and what its jobs did that cannot be taken back.

use std::collections::BTreeMap;

use crate::job::{JobStep, SnapshotPlace};
use crate::testing::sim::tree::Tree;

/// What is in the bucket.
#[derive(Debug, Default)]
pub(super) struct Storage {
    snapshots: BTreeMap<String, Tree>,
    accepted: BTreeMap<String, u32>,
}

impl Storage {
    pub(super) fn put(&mut self, place: SnapshotPlace, tree: Tree) {
        self.snapshots.insert(key(place), tree);
    }

    pub(super) fn get(&self, place: SnapshotPlace) -> Option<Tree> {
        self.snapshots.get(&key(place)).cloned()
    }

    pub(super) fn remove(&mut self, place: SnapshotPlace) {
        self.snapshots.remove(&key(place));
    }

    /// A job took its request; how often it has by now.
    pub(super) fn accepted(&mut self, container: &str) -> u32 {
        let times = self.accepted.entry(container.to_owned()).or_default();
        *times += 1;
        *times
    }
}

fn key(place: SnapshotPlace) -> String {
    format!("{}/{}", place.project, place.version())
}

/// Whether a step writes into the tree.
pub(super) const fn writes(step: &JobStep) -> bool {
    !matches!(
        step,
        JobStep::Snapshot { .. }
            | JobStep::Restore { dry_run: true, .. }
            | JobStep::Verify { .. }
            | JobStep::Delete { .. }
    )
}
