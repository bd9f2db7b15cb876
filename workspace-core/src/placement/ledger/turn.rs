//! The next server in turn.

use super::class::Class;
use super::search::Found;
use super::table::Tier;
use super::{Ask, Ledger, ServerKey};
use crate::placement::lanes::{self, fits};

impl Ledger {
    /// The first server with room at or after the `cursor`-th in turn. Classes take turns in the order of their lowest
    /// ids, the servers within each in the order of ids; classes that the request cannot go to have no turn.
    pub fn next_in_turn(&self, ask: &Ask, cursor: u64, accept: Option<&dyn Fn(ServerKey) -> bool>) -> Found {
        if ask.required {
            return self.only_named(ask, accept);
        }
        let mut visits = 0;
        let server = self.with_rules(ask, accept, |accept| {
            self.tiers().find_map(|tier| self.turn_in(tier, ask, cursor, accept, &mut visits))
        });
        Found { server, visits }
    }

    fn turn_in(
        &self,
        tier: Tier,
        ask: &Ask,
        cursor: u64,
        accept: Option<&dyn Fn(u32) -> bool>,
        visits: &mut u32,
    ) -> Option<ServerKey> {
        let (mut classes, mut total) = (0_u64, 0_u64);
        for class in self.in_turn(ask) {
            classes += 1;
            total += class.members.len() as u64;
        }
        *visits += u32::try_from(classes).unwrap_or(u32::MAX);
        let mut skip = usize::try_from(cursor.checked_rem(total)?).ok()?;
        let mut try_all = |members: &[u32]| {
            members.iter().copied().find(|&slot| {
                *visits += 1;
                self.is_open(slot, tier, ask) && accept.is_none_or(|accept| accept(slot))
            })
        };
        // From the turn on, then round to it again; the first class of the second round is tried whole, at most twice.
        let mut passed = 0_usize;
        for class in self.in_turn(ask) {
            if class.members.len() <= skip {
                skip -= class.members.len();
                passed += 1;
                continue;
            }
            if let Some(slot) = try_all(&class.members[skip..]) {
                return Some(ServerKey(slot));
            }
            skip = 0;
        }
        self.in_turn(ask).take(passed + 1).find_map(|class| try_all(&class.members)).map(ServerKey)
    }

    /// The classes that a request may go to, in turn.
    fn in_turn<'a>(&'a self, ask: &'a Ask) -> impl Iterator<Item = &'a Class> {
        self.turns
            .iter()
            .map(|&class| &self.classes[class as usize])
            .filter(|class| fits(&ask.need, &self.shapes[class.shape as usize].lanes) && ask.wanted.admits(&class.bits))
    }

    fn is_open(&self, slot: u32, tier: Tier, ask: &Ask) -> bool {
        let entry = self.table.entry(slot);
        entry.tier == tier && fits(&ask.need, &lanes::room(&self.limits(slot).minus(entry.used)))
    }
}
