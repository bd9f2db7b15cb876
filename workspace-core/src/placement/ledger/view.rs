//! One server of the ledger, to look at.

use super::{Ask, Ledger, ServerKey};
use crate::id::ServerId;
use crate::label::Labels;
use crate::model::{Availability, Scheduling};
use crate::placement::lanes::{Weights, need};
use crate::placement::{Reason, may_schedule};
use crate::resources::{Dimension, Resources};

/// What strategies, scores and filters see of a server.
#[derive(Clone, Copy, Debug)]
pub struct ServerView<'a> {
    ledger: &'a Ledger,
    facts: &'a super::table::Facts,
    slot: u32,
}

impl<'a> ServerView<'a> {
    /// Its key.
    pub const fn key(&self) -> ServerKey {
        ServerKey(self.slot)
    }

    /// Its id.
    pub fn id(&self) -> ServerId {
        self.ledger.table.id(self.slot)
    }

    /// Its name.
    pub const fn name(&self) -> &'a str {
        self.facts.name.as_str()
    }

    /// Its labels.
    pub const fn labels(&self) -> &'a Labels {
        &self.facts.labels
    }

    /// What may be reserved: the totals times the over-commit.
    pub const fn limits(&self) -> Resources {
        self.facts.limits
    }

    /// What is reserved.
    pub fn reserved(&self) -> Resources {
        self.ledger.table.entry(self.slot).used
    }

    /// What can still be reserved.
    pub fn free(&self) -> Resources {
        self.limits().minus(self.reserved())
    }

    /// Whether the last probes found it fit for work.
    pub const fn availability(&self) -> Availability {
        self.facts.availability
    }

    /// Whether an admin lets new work go there.
    pub const fn scheduling(&self) -> Scheduling {
        self.facts.scheduling
    }

    /// Why it is not healthy.
    pub fn last_error(&self) -> Option<&'a str> {
        self.facts.last_error.as_deref()
    }

    /// Whether it is taken only when no other has room.
    pub fn spills(&self) -> bool {
        let entry = self.ledger.table.entry(self.slot);
        entry.busy || entry.used.slots >= u64::from(entry.soft_slots)
    }

    /// The share of its limits that would be reserved with this much more, in percent, averaged over the dimensions
    /// that it has.
    pub fn percent_with(&self, more: Resources) -> u64 {
        let (limits, used) = (self.limits(), self.reserved().plus(more));
        let dimensions = Dimension::ALL.into_iter().filter(|&dimension| limits.get(dimension) > 0);
        let shares =
            dimensions.map(|dimension| u128::from(used.get(dimension)) * 10_000 / u128::from(limits.get(dimension)));
        let (count, sum) = shares.fold((0, 0), |(count, sum), share| (count + 1, sum + share));
        u64::try_from(sum.checked_div(count * 100).unwrap_or(0)).unwrap_or(u64::MAX)
    }

    /// The shares of its limits that would be reserved with this much more, all dimensions added up and GPUs three
    /// times, in 2^-28: what [`Ledger::best`] orders by.
    pub fn utilisation_with(&self, more: Resources) -> u64 {
        let weights = Weights::of(&self.limits());
        let (score, growth) = (weights.score(&self.reserved()), weights.growth(&need(&more)));
        u64::try_from(i64::from(score).saturating_add(growth)).unwrap_or(0)
    }

    /// Why it cannot take a request, by the first rule that refuses.
    pub fn refusal(&self, ask: &Ask) -> Option<Reason> {
        let named = ask.named == Some(self.key());
        if ask.required && !named {
            return Some(Reason::NotRequested);
        }
        // Only the data's own server may be cordoned.
        let even_if_cordoned = ask.even_if_cordoned && named;
        if let Err((code, _)) = may_schedule(self.availability(), self.scheduling(), even_if_cordoned) {
            return Some(Reason::Closed(code));
        }
        let class = &self.ledger.classes[self.ledger.table.entry(self.slot).class as usize];
        if !ask.wanted.admits(&class.bits) {
            return Some(Reason::Labels);
        }
        if let Some(dimension) = ask.resources.first_over(&self.free()) {
            return Some(Reason::Short(dimension));
        }
        // Last, so that a server that is full says so with its numbers.
        ask.excluded.contains(&self.id()).then_some(Reason::Excluded)
    }
}

impl Ledger {
    /// A server, unless it was removed.
    pub fn server(&self, key: ServerKey) -> Option<ServerView<'_>> {
        Some(ServerView { ledger: self, facts: self.table.facts(key.0)?, slot: key.0 })
    }

    /// Every server in the order of ids.
    pub fn servers(&self) -> impl Iterator<Item = ServerView<'_>> {
        self.slots().filter_map(|slot| self.server(ServerKey(slot)))
    }
}
