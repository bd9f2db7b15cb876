//! The best server of all classes.

use super::class::Class;
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
    preferred: u32,
    slot: u32,
}

/// A class that a request may go to.
struct Eligible<'a> {
    number: u32,
    class: &'a Class,
    /// No server of it has a greater rank.
    bound: i64,
    /// What makes a rank of a flipped score.
    shift: i64,
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
            let query = Query { need: ask.need, order, accept };
            self.tiers().find_map(|tier| {
                let best = self.best_of(tier, ask, &query, &mut visits)?;
                let slot = if tolerance.thousandths == 0 {
                    best.slot
                } else {
                    self.any_near(tier, ask, &query, best, tolerance)
                };
                Some(ServerKey(slot))
            })
        });
        Found { server, visits }
    }

    /// The server that was asked for, if it has room.
    pub(super) fn only_named(&self, ask: &Ask, accept: Option<&dyn Fn(ServerKey) -> bool>) -> Found {
        let named = ask.named.filter(|&key| {
            let refusal = self.server(key).map(|server| server.refusal(ask));
            refusal == Some(None) && accept.is_none_or(|accept| accept(key))
        });
        Found { server: named, visits: 1 }
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
            let query = Query { need: ask.need, order: Order::Fullest, accept };
            for tier in self.tiers() {
                for rows in self.eligible(tier, ask, query.order).filter_map(|eligible| eligible.class.rows(tier)) {
                    rows.near(&query, i32::MIN, &mut |pick| each(ServerKey(pick.slot)));
                }
            }
        });
    }

    /// The tiers in which there is somebody, the better first.
    pub(super) fn tiers(&self) -> impl Iterator<Item = Tier> + use<> {
        [Some(Tier::Open), (self.spilling > 0).then_some(Tier::Spill)].into_iter().flatten()
    }

    /// Gives `search` the rules that are neither room nor labels, as one; none when there are none.
    pub(super) fn with_rules<T>(
        &self,
        ask: &Ask,
        accept: Option<&dyn Fn(ServerKey) -> bool>,
        search: impl FnOnce(Option<&dyn Fn(u32) -> bool>) -> T,
    ) -> T {
        if accept.is_none() && ask.excluded.is_empty() {
            return search(None);
        }
        search(Some(&|slot| {
            let key = ServerKey(slot);
            !ask.excluded.contains(&self.table.id(slot)) && accept.is_none_or(|accept| accept(key))
        }))
    }

    fn best_of(&self, tier: Tier, ask: &Ask, query: &Query<'_>, visits: &mut u32) -> Option<Best> {
        // The class with the best bound first: its best server rules most of the others out.
        let lead = self.eligible(tier, ask, query.order).inspect(|_| *visits += 1).max_by_key(|other| other.bound)?;
        let mut best = self.best_in(&lead, tier, ask, query, None, visits);
        for other in self.eligible(tier, ask, query.order) {
            if other.number != lead.number && best.is_none_or(|best| other.bound >= best.rank) {
                best = self.best_in(&other, tier, ask, query, best, visits);
            }
        }
        best
    }

    /// The classes that have the labels and could have the room, were they empty.
    fn eligible<'a>(&'a self, tier: Tier, ask: &'a Ask, order: Order) -> impl Iterator<Item = Eligible<'a>> {
        self.shapes.iter().filter(|shape| fits(&ask.need, &shape.lanes)).flat_map(move |shape| {
            let shift = order.shift(shape.weights.growth(&ask.resources));
            shape.classes.iter().filter_map(move |&number| {
                let class = &self.classes[number as usize];
                let rows = class.rows(tier).filter(|rows| !rows.is_empty())?;
                let bound = i64::from(rows.summary().bound(order)) + shift;
                ask.wanted.admits(&class.bits).then_some(Eligible { number, class, bound, shift })
            })
        })
    }

    fn best_in(
        &self,
        eligible: &Eligible<'_>,
        tier: Tier,
        ask: &Ask,
        query: &Query<'_>,
        best: Option<Best>,
        visits: &mut u32,
    ) -> Option<Best> {
        let floor = best.map_or(i32::MIN, |best| flipped(best.rank - eligible.shift));
        let Some(pick) = eligible.class.rows(tier).and_then(|rows| rows.pick(&self.table, query, floor, visits)) else {
            return best;
        };
        let preferred = ask.wanted.preferred(&eligible.class.bits);
        let found = Best { rank: i64::from(pick.value) + eligible.shift, preferred, slot: pick.slot };
        let wins = |best: Best| {
            let id = |best: Best| std::cmp::Reverse(self.table.id(best.slot));
            (found.rank, found.preferred) > (best.rank, best.preferred)
                || (found.rank, found.preferred) == (best.rank, best.preferred) && id(found) > id(best)
        };
        if best.is_none_or(wins) { Some(found) } else { best }
    }

    /// One of the servers that are as good as the best within the tolerance: the seed gives each a number, the lowest
    /// wins.
    fn any_near(&self, tier: Tier, ask: &Ask, query: &Query<'_>, best: Best, tolerance: Tolerance) -> u32 {
        let epsilon = i64::try_from(u64::from(tolerance.thousandths) * WHOLE / 1_000).unwrap_or(i64::MAX);
        let least = best.rank.saturating_sub(epsilon);
        let number = |slot: u32| {
            let (high, low) = self.table.id(slot).as_uuid().as_u64_pair();
            mix(mix(tolerance.seed ^ high) ^ low)
        };
        let mut chosen = (number(best.slot), best.slot);
        for eligible in self.eligible(tier, ask, query.order).filter(|eligible| eligible.bound >= least) {
            if ask.wanted.preferred(&eligible.class.bits) == best.preferred
                && let Some(rows) = eligible.class.rows(tier)
            {
                rows.near(query, flipped(least - eligible.shift), &mut |pick| {
                    chosen = chosen.min((number(pick.slot), pick.slot));
                });
            }
        }
        chosen.1
    }
}

/// A flipped score as near to this as there can be.
fn flipped(score: i64) -> i32 {
    i32::try_from(score).unwrap_or(if score < 0 { i32::MIN } else { i32::MAX })
}
