//! Volumes with our labels that no row knows: what is newer than a database that was brought back, or was made so late
//! that its copy was given up.

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::port::{ObjectKind, ObjectLabels};
use crate::testing::sim::machine::{Machine, Volume, read};
use crate::testing::sim::{Dice, Fault, World};

/// The file in those that have something in them.
const FILE: &str = "kept/by-nobody";

/// So many generations after the one beside it, at least: no row gets there.
const LATER: u64 = 1_000;

impl World {
    /// Leaves such a volume beside one of a project: a later copy of it or of an unknown project, with something in it
    /// or empty.
    pub(super) fn leave_stray(&self, server: &str) {
        let at = self.now();
        if let Some(name) = self.alter(server, |machine| machine.leave_stray(&self.dice, at)).flatten() {
            self.journal.fault(Fault::Stray, None);
            self.note(&format_args!("{server} {name} is there, and no row knows it"));
        }
    }
}

impl Machine {
    fn leave_stray(&mut self, dice: &Dice, at: Timestamp) -> Option<String> {
        let project = |labels: &ObjectLabels| labels.kind == ObjectKind::Project;
        let ours = self.volumes.iter().filter(|(name, _)| !self.foreign.contains(*name));
        let known: Vec<ObjectLabels> = ours.filter_map(|(_, volume)| read(&volume.labels).filter(project)).collect();
        let mut labels = dice.pick(&known)?.clone();
        if dice.chance(500) {
            labels.subject = Uuid::from_u64_pair(dice.number(), dice.number());
        } else {
            // A number of its own: a removal that is under way is of another.
            labels.generation += LATER + dice.below(1 << 40);
        }
        let name = format!("vol-{}-g{}", labels.subject, labels.generation);
        if self.volumes.contains_key(&name) {
            return None;
        }
        let mut volume = Volume { labels: labels.to_map(), ..Volume::default() };
        if dice.chance(500) {
            volume.filled = true;
            volume.tree.write(FILE, "data".into(), None, at).ok()?;
            self.strays.insert(name.clone(), labels);
        }
        self.volumes.insert(name.clone(), volume);
        Some(name)
    }

    /// The data that was left and is not there any more.
    pub(super) fn missed_strays(&self) -> impl Iterator<Item = (&String, &ObjectLabels)> {
        let is_there = |name: &String| self.volumes.get(name).is_some_and(|volume| volume.tree.read(FILE).is_ok());
        self.strays.iter().filter(move |(name, _)| !is_there(name))
    }
}
