//! The best server of all classes.

use super::class::{Head, NOBODY, Shape, which};
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
#[derive(Clone, Copy)]
struct Eligible {
    class: u32,
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
            let query = Query { need: ask.need, joint: 0, order, accept };
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
            let query = Query { need: ask.need, joint: 0, order: Order::Fullest, accept };
            for tier in self.tiers() {
                for eligible in self.eligible(tier, ask, query.order) {
                    let Some(rows) = self.classes[eligible.class as usize].rows(tier) else { continue };
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
        let which = which(tier, query.order);
        // The class with the best bound first: its best server rules most of the others out.
        let mut lead: Option<Eligible> = None;
        for (shape, shift) in self.shapes_for(ask, query.order) {
            *visits += u32::try_from(shape.heads.len()).unwrap_or(u32::MAX);
            let mut least = lead.map_or(NOBODY, |lead| flipped(lead.bound - shift));
            for head in &shape.heads {
                let bound = head.bound(which);
                if bound > least && self.has_labels(head, ask) {
                    least = bound;
                    lead = Some(Eligible { class: head.class, bound: i64::from(bound) + shift, shift });
                }
            }
        }
        let lead = lead?;
        let mut best = self.best_in(lead, tier, ask, query, None, visits);
        for (shape, shift) in self.shapes_for(ask, query.order) {
            let mut floor = best.map_or(NOBODY + 1, |best| flipped(best.rank - shift));
            for head in &shape.heads {
                let bound = head.bound(which);
                if bound >= floor && head.class != lead.class && self.has_labels(head, ask) {
                    let other = Eligible { class: head.class, bound: i64::from(bound) + shift, shift };
                    best = self.best_in(other, tier, ask, query, best, visits);
                    floor = best.map_or(NOBODY + 1, |best| flipped(best.rank - shift));
                }
            }
        }
        best
    }

    /// The shapes of servers that could take a request, were they empty, and what makes ranks of their scores.
    fn shapes_for<'a>(&'a self, ask: &'a Ask, order: Order) -> impl Iterator<Item = (&'a Shape, i64)> {
        let able = self.shapes.iter().filter(|shape| fits(&ask.need, &shape.lanes));
        able.map(move |shape| (shape, order.shift(shape.weights.growth(&ask.resources))))
    }

    fn has_labels(&self, head: &Head, ask: &Ask) -> bool {
        !ask.wanted.refuses_low(head.low)
            && (ask.wanted.is_low() || ask.wanted.admits(&self.classes[head.class as usize].bits))
    }

    /// The classes that have the labels and could have the room, were they empty.
    fn eligible<'a>(&'a self, tier: Tier, ask: &'a Ask, order: Order) -> impl Iterator<Item = Eligible> {
        self.shapes_for(ask, order).flat_map(move |(shape, shift)| {
            let which = which(tier, order);
            let some = shape.heads.iter().filter(move |head| head.bound(which) != NOBODY);
            some.filter(|head| self.has_labels(head, ask)).map(move |head| {
                let bound = i64::from(head.bound(which)) + shift;
                Eligible { class: head.class, bound, shift }
            })
        })
    }

    fn best_in(
        &self,
        eligible: Eligible,
        tier: Tier,
        ask: &Ask,
        query: &Query<'_>,
        best: Option<Best>,
        visits: &mut u32,
    ) -> Option<Best> {
        let class = &self.classes[eligible.class as usize];
        let floor = best.map_or(i32::MIN, |best| flipped(best.rank - eligible.shift));
        let joint = self.shapes[class.shape as usize].weights.joint(&ask.need);
        let query = Query { joint, ..*query };
        let Some(pick) = class.rows(tier).and_then(|rows| rows.pick(&self.table, &query, floor, visits)) else {
            return best;
        };
        let preferred = ask.wanted.preferred(&class.bits);
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
            let class = &self.classes[eligible.class as usize];
            if ask.wanted.preferred(&class.bits) == best.preferred
                && let Some(rows) = class.rows(tier)
            {
                rows.near(query, flipped(least - eligible.shift), &mut |pick| {
                    chosen = chosen.min((number(pick.slot), pick.slot));
                });
            }
        }
        chosen.1
    }
}

/// A flipped score as near to this as a server can have.
fn flipped(score: i64) -> i32 {
    i32::try_from(score.max(i64::from(NOBODY) + 1)).unwrap_or(i32::MAX)
}
