//! The servers dealt out to several masters, so that each has as many of every kind.

use super::Ledger;
use crate::placement::{Part, ServerView};

/// The servers of one [`Part`]: in turn, as round robin has them, every so many-th.
#[derive(Clone, Debug)]
pub(crate) struct Deal<'a> {
    ledger: &'a Ledger,
    part: Part,
    /// The number in turn of the first server of each class.
    first: Vec<u64>,
}

impl Ledger {
    /// Deals out the servers. It depends on the servers that there are, not on what they have free.
    pub(crate) fn deal(&self, part: Part) -> Deal<'_> {
        let (mut first, mut next) = (vec![0; self.classes.len()], 0);
        for &class in &self.turns {
            first[class as usize] = next;
            next += self.classes[class as usize].members.len() as u64;
        }
        Deal { ledger: self, part, first }
    }
}

impl Deal<'_> {
    /// Whether a server is in the part.
    pub(crate) fn is_mine(&self, server: &ServerView<'_>) -> bool {
        let (table, number) = (&self.ledger.table, self.ledger.table.entry(server.key().0).class as usize);
        let id = server.id();
        let members = &self.ledger.classes[number].members;
        let before = members.partition_point(|&member| table.id(member) < id) as u64;
        (self.first[number] + before) % self.part.of == self.part.number
    }
}
