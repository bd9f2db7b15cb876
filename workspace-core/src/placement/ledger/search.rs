//! The best server of all classes.

use super::class::{NOBODY, Shape, which};
use super::query::Query;
use super::table::Tier;
use super::{Ask, Ledger, ServerKey};
use crate::environment::mix;
use crate::placement::Order;
use crate::placement::lanes::{WHOLE, fits};

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The best server; `None` when none has room.
    pub server: Option<ServerKey>,
    /// How many servers and bounds over several servers were looked at: the cost of the search, the same on every
    /// machine.
    pub visits: u32,
}

/// How several masters avoid the same of several near-equal servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerance {
    /// Servers whose utilisation differs from the best by at most this many thousandths of one dimension are as good;
    /// 0 takes the best alone.
    pub thousandths: u32,
    /// Chooses among them; different on every master.
    pub seed: u64,
}

/// The best so far.
#[derive(Clone, Copy)]
struct Best {
    rank: i64,
    slot: u32,
}

impl Ledger {
    /// The best server for a request, by how much is reserved on it afterwards. Servers over their soft limit come
    /// after all others. `accept` is a further rule; it must say the same of a server every time.
    pub fn best(&self, ask: &Ask, order: Order, accept: Option<&dyn Fn(ServerKey) -> bool>) -> Found {
        self.best_within(ask, order, Tolerance::default(), accept)
    }

    /// As [`Ledger::best`], but one of those that are as good within a tolerance.
    pub fn best_within(
        &self,
        ask: &Ask,
        order: Order,
        tolerance: Tolerance,
        accept: Option<&dyn Fn(ServerKey) -> bool>,
    ) -> Found {
        if ask.required {
            return self.only_named(ask, accept);
        }
        let mut visits = 0;
        let server = self.with_rules(ask, accept, |accept| {
            let query = query(ask, order, accept);
            self.tiers().find_map(|tier| {
                let best = self.best_of(tier, ask, &query, &mut visits)?;
                let slot = if tolerance.thousandths > 0 || ask.wanted.prefers() {
                    self.best_near(tier, ask, &query, best, tolerance)
                } else {
                    best.slot
                };
                Some(ServerKey(slot))
            })
        });
        Found { server, visits }
    }

    /// Calls `each` for every server that can take a request, in no order.
    pub(crate) fn each_able(
        &self,
        ask: &Ask,
        accept: Option<&dyn Fn(ServerKey) -> bool>,
        each: &mut dyn FnMut(ServerKey),
    ) {
        if ask.required {
            return self.only_named(ask, accept).server.into_iter().for_each(each);
        }
        self.with_rules(ask, accept, |accept| {
            let query = query(ask, Order::Fullest, accept);
            for tier in self.tiers() {
                for (shape, _) in self.shapes_for(ask, query.order) {
                    let rows = shape.rows(tier).into_iter();
                    rows.for_each(|rows| rows.near(&query, i32::MIN, &mut |pick| each(ServerKey(pick.slot))));
                }
            }
        });
    }

    /// The server that was asked for, if it has room.
    pub(super) fn only_named(&self, ask: &Ask, accept: Option<&dyn Fn(ServerKey) -> bool>) -> Found {
        let named = ask.named.filter(|&key| {
            let refusal = self.server(key).map(|server| server.refusal(ask));
            refusal == Some(None) && accept.is_none_or(|accept| accept(key))
        });
        Found { server: named, visits: 1 }
    }

    /// The tiers in which there is somebody, the better first.
    pub(super) fn tiers(&self) -> impl Iterator<Item = Tier> + use<> {
        const TIERS: [Tier; 2] = [Tier::Open, Tier::Spill];
        TIERS[..=usize::from(self.spilling > 0)].iter().copied()
    }

    /// Gives `search` the rules that are neither room nor labels, as one; none when there are none.
    pub(super) fn with_rules<T>(
        &self,
        ask: &Ask,
        accept: Option<&dyn Fn(ServerKey) -> bool>,
        search: impl FnOnce(Option<&dyn Fn(u32) -> bool>) -> T,
    ) -> T {
        let marked = ask.wanted.is_marked();
        if accept.is_none() && ask.excluded.is_empty() && marked {
            return search(None);
        }
        search(Some(&|slot| {
            let key = ServerKey(slot);
            let has_labels = || ask.wanted.admits(&self.classes[self.table.entry(slot).class as usize].bits);
            !ask.excluded.contains(&self.table.id(slot))
                && (marked || has_labels())
                && accept.is_none_or(|accept| accept(key))
        }))
    }

    fn best_of(&self, tier: Tier, ask: &Ask, query: &Query<'_>, visits: &mut u32) -> Option<Best> {
        if ask.wanted.is_impossible() {
            return None;
        }
        let which = which(tier, query.order);
        // The shape with the best bound first: its best server rules out most of the others, or all of them.
        let (mut lead, mut first, mut second) = (None, i64::MIN, i64::MIN);
        for (number, shape) in self.shapes.iter().enumerate() {
            *visits += 1;
            let bound = shape.bound(which);
            if bound != NOBODY && fits(&ask.need, &shape.lanes) {
                let rank = i64::from(bound) + query.order.shift(shape.weights.growth(&ask.need));
                // Without branches: nobody foresees which shape leads.
                second = second.max(rank.min(first));
                lead = if rank > first { Some(number) } else { lead };
                first = first.max(rank);
            }
        }
        let lead = lead?;
        let shape = &self.shapes[lead];
        let shift = first - i64::from(shape.bound(which));
        let mut best = self.best_in(shape, shift, tier, query, None, visits);
        if best.is_some_and(|best| best.rank > second) {
            return best;
        }
        for (number, shape) in self.shapes.iter().enumerate() {
            if number != lead && shape.bound(which) != NOBODY && fits(&ask.need, &shape.lanes) {
                let shift = query.order.shift(shape.weights.growth(&ask.need));
                best = self.best_in(shape, shift, tier, query, best, visits);
            }
        }
        best
    }

    /// The shapes of servers that could take a request, were they empty, and what makes ranks of their scores.
    fn shapes_for<'a>(&'a self, ask: &'a Ask, order: Order) -> impl Iterator<Item = (&'a Shape, i64)> {
        let able = self.shapes.iter().filter(|shape| fits(&ask.need, &shape.lanes) && !ask.wanted.is_impossible());
        able.map(move |shape| (shape, order.shift(shape.weights.growth(&ask.need))))
    }

    fn best_in(
        &self,
        shape: &Shape,
        shift: i64,
        tier: Tier,
        query: &Query<'_>,
        best: Option<Best>,
        visits: &mut u32,
    ) -> Option<Best> {
        let floor = best.map_or(NOBODY, |best| flipped(best.rank - shift));
        if shape.bound(which(tier, query.order)) < floor {
            return best;
        }
        let rows = shape.rows(tier);
        let Some(pick) = rows.and_then(|rows| rows.pick(&self.table, query, &shape.weights, floor, visits)) else {
            return best;
        };
        let found = Best { rank: i64::from(pick.value) + shift, slot: pick.slot };
        let wins = |best: Best| {
            found.rank > best.rank || found.rank == best.rank && self.table.id(found.slot) < self.table.id(best.slot)
        };
        if best.is_none_or(wins) { Some(found) } else { best }
    }

    /// Among the servers that are as good as the best within the tolerance: the one with the most preferred labels;
    /// among equals the seed gives each a number and the lowest wins, or without a tolerance the lowest id.
    fn best_near(&self, tier: Tier, ask: &Ask, query: &Query<'_>, best: Best, tolerance: Tolerance) -> u32 {
        let epsilon = i64::try_from(u64::from(tolerance.thousandths) * WHOLE / 1_000).unwrap_or(i64::MAX);
        let least = best.rank.saturating_sub(epsilon);
        let key = |slot: u32| {
            let (id, entry) = (self.table.id(slot), self.table.entry(slot));
            let preferred = ask.wanted.preferred(&self.classes[entry.class as usize].bits);
            let (high, low) = id.as_uuid().as_u64_pair();
            let number = if tolerance.thousandths == 0 { 0 } else { mix(mix(tolerance.seed ^ high) ^ low) };
            (std::cmp::Reverse(preferred), number, id, slot)
        };
        let mut chosen = key(best.slot);
        for (shape, shift) in self.shapes_for(ask, query.order) {
            let floor = flipped(least - shift);
            if shape.bound(which(tier, query.order)) >= floor
                && let Some(rows) = shape.rows(tier)
            {
                rows.near(query, floor, &mut |pick| chosen = chosen.min(key(pick.slot)));
            }
        }
        chosen.3
    }
}

/// What is searched for, whatever the shape.
fn query<'a>(ask: &Ask, order: Order, accept: Option<&'a dyn Fn(u32) -> bool>) -> Query<'a> {
    let (must, must_not) = ask.wanted.marks();
    Query { need: ask.need, joint: 0, must, must_not, order, accept }
}

/// A flipped score as near to this as a server can have.
fn flipped(score: i64) -> i32 {
    i32::try_from(score.max(i64::from(NOBODY) + 1)).unwrap_or(i32::MAX)
}
