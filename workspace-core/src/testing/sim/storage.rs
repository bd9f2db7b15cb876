//! The object storage of a simulated world, and what its jobs did that cannot be taken back.

use std::collections::{BTreeMap, BTreeSet};

use crate::job::{JobStep, SnapshotPlace};
use crate::testing::sim::tree::Tree;

/// What is in the bucket.
#[derive(Debug, Default)]
pub(super) struct Storage {
    snapshots: BTreeMap<String, Tree>,
    accepted: BTreeMap<String, u32>,
    recorded: BTreeSet<String>,
    taken_away: BTreeSet<String>,
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

    /// A job took its request; false when it must not have, because it had before. Where somebody else took its
    /// container away before a master had read its word, nobody can know that it had.
    pub(super) fn accepts(&mut self, container: &str) -> bool {
        let times = self.accepted.entry(container.to_owned()).or_default();
        *times += 1;
        *times == 1 || (self.taken_away.contains(container) && !self.recorded.contains(container))
    }

    /// A master recorded that a job took its request.
    pub(super) fn recorded(&mut self, container: String) {
        self.recorded.insert(container);
    }

    /// Somebody else removed a container.
    pub(super) fn taken_away(&mut self, container: &str) {
        self.taken_away.insert(container.to_owned());
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
