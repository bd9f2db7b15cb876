//! Servers and reservations going in and out of the ledger.

use std::collections::BTreeMap;

use super::block::Row;
use super::class::{Class, Shape};
use super::labels::Interner;
use super::rows::IndexFrom;
use super::table::{Entry, Facts, Table, Tier};
use crate::id::ServerId;
use crate::label::Labels;
use crate::model::ServerState;
use crate::placement::lanes;
use crate::placement::may_schedule;
use crate::resources::{Dimension, Resources};

/// Two blocks are looked at as a whole; for more servers of a shape an index is kept.
const INDEX_FROM: IndexFrom = IndexFrom(32);

/// A server in a [`Ledger`]. It never comes to mean another server; after a removal it means none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerKey(pub(super) u32);

/// Why a reservation does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The first dimension in which there is not enough; `None` when there is no such server.
    pub dimension: Option<Dimension>,
    /// What is needed of it.
    pub needs: u64,
    /// What is free of it.
    pub free: u64,
}

/// The servers of a fleet and what is reserved on them, kept so that the best server for a request is found without
/// looking at every server.
///
/// # Guarantees
/// - Exact: [`Ledger::best`] gives the server that a comparison of all would give. Equal servers are told apart by
///   preferred labels and then by id, so that every master and every order of insertion give the same.
/// - [`Ledger::reserve`] never goes over a limit.
///
/// Servers with the same limits and labels are a class: labels and totals are checked once for a class. A small class
/// is looked through sixteen servers at a time, a large one has an index in the order of scores.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub(super) table: Table,
    pub(super) shapes: Vec<Shape>,
    pub(super) classes: Vec<Class>,
    /// Classes without members, to be used again.
    spare: Vec<u32>,
    by_limits: BTreeMap<[u64; 5], u32>,
    by_labels: BTreeMap<(u32, Labels), u32>,
    by_id: BTreeMap<ServerId, u32>,
    by_name: BTreeMap<String, u32>,
    pub(super) interner: Interner,
    /// The classes with members, in the order of their lowest ids: in this order they take turns.
    pub(super) turns: Vec<u32>,
    pub(super) spilling: usize,
    index_from: IndexFrom,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::with_index_from(INDEX_FROM)
    }
}

impl Ledger {
    /// A ledger of these servers.
    pub fn new<'a>(servers: impl IntoIterator<Item = &'a ServerState>) -> Self {
        let mut ledger = Self::default();
        ledger.extend(servers);
        ledger
    }

    pub(super) fn with_index_from(index_from: IndexFrom) -> Self {
        Self {
            table: Table::default(),
            shapes: Vec::new(),
            classes: Vec::new(),
            spare: Vec::new(),
            by_limits: BTreeMap::new(),
            by_labels: BTreeMap::new(),
            by_id: BTreeMap::new(),
            by_name: BTreeMap::new(),
            interner: Interner::default(),
            turns: Vec::new(),
            spilling: 0,
            index_from,
        }
    }

    /// A ledger that looks at every server of every class.
    #[cfg(test)]
    pub(crate) fn scanning() -> Self {
        Self::with_index_from(IndexFrom(usize::MAX))
    }

    /// A ledger that has an index for every class.
    #[cfg(test)]
    pub(crate) fn indexing() -> Self {
        Self::with_index_from(IndexFrom(0))
    }

    fn extend<'a>(&mut self, servers: impl IntoIterator<Item = &'a ServerState>) {
        let mut servers: Vec<_> = servers.into_iter().collect();
        // In the order of ids every insertion is an appending.
        servers.sort_unstable_by_key(|server| server.record.id);
        for server in servers {
            self.put(server);
        }
    }

    /// Inserts a server, or takes its new state: record, health and what is reserved. Only what changed is touched.
    pub fn put(&mut self, server: &ServerState) -> ServerKey {
        let id = server.record.id;
        if let Some(key) = self.by_id.get(&id).copied().filter(|&slot| self.is_current(slot, server)) {
            return ServerKey(key);
        }
        let facts = Facts {
            name: server.record.spec.name.clone(),
            labels: server.record.spec.labels.clone(),
            limits: limits_of(server),
            availability: server.observation.availability,
            scheduling: server.record.scheduling,
            last_error: server.observation.last_error.clone(),
        };
        let takes_work = may_schedule(facts.availability, facts.scheduling, false).is_ok();
        let soft_slots = server.record.spec.soft_max_workspaces.unwrap_or(u32::MAX);
        let slot = match self.by_id.get(&id) {
            Some(&slot) => {
                self.update(slot, &facts);
                slot
            }
            None => self.insert(id, facts),
        };
        let entry = self.table.entry_mut(slot);
        (entry.used, entry.soft_slots, entry.takes_work) = (server.reserved, soft_slots, takes_work);
        self.refile(slot);
        ServerKey(slot)
    }

    /// Whether a server is known as it is.
    fn is_current(&self, slot: u32, server: &ServerState) -> bool {
        let entry = self.table.entry(slot);
        entry.used == server.reserved
            && entry.soft_slots == server.record.spec.soft_max_workspaces.unwrap_or(u32::MAX)
            && self.table.facts(slot).is_some_and(|facts| facts.describe(server))
    }

    fn insert(&mut self, id: ServerId, facts: Facts) -> u32 {
        let slot = u32::try_from(self.table.entries.len()).unwrap_or(u32::MAX);
        self.by_id.insert(id, slot);
        self.by_name.insert(facts.name.clone(), slot);
        let (used, soft_slots) = (Resources::default(), u32::MAX);
        self.table.entries.push(Entry {
            used,
            class: 0,
            at: 0,
            soft_slots,
            busy: false,
            takes_work: false,
            removed: false,
            tier: Tier::Closed,
        });
        self.table.ids.push(id);
        let class = self.class_for(&facts);
        self.table.facts.push(Some(facts));
        self.join(slot, class);
        slot
    }

    fn update(&mut self, slot: u32, facts: &Facts) {
        let Some(old) = self.table.facts[slot as usize].replace(facts.clone()) else { return };
        if old.name != facts.name {
            self.forget_name(&old.name, slot);
            self.by_name.insert(facts.name.clone(), slot);
        }
        if old.limits != facts.limits || old.labels != facts.labels {
            self.leave(slot);
            let class = self.class_for(facts);
            self.join(slot, class);
        }
    }

    /// Forgets a server; one that is not there is forgotten already.
    pub fn remove(&mut self, id: ServerId) {
        let Some(slot) = self.by_id.remove(&id) else { return };
        self.leave(slot);
        self.table.entry_mut(slot).removed = true;
        if let Some(facts) = self.table.facts[slot as usize].take() {
            self.forget_name(&facts.name, slot);
        }
    }

    /// Makes the ledger one of exactly these servers, touching only what changed.
    pub fn sync(&mut self, servers: &[ServerState]) {
        if self.by_id.is_empty() {
            return self.extend(servers);
        }
        let kept: std::collections::BTreeSet<_> = servers.iter().map(|server| server.record.id).collect();
        let gone: Vec<_> = self.by_id.keys().filter(|id| !kept.contains(id)).copied().collect();
        for id in gone {
            self.remove(id);
        }
        for server in servers {
            self.put(server);
        }
    }

    /// Says whether as many starts are under way on a server as it should have at once: then it takes more only when
    /// no other has room.
    pub fn set_busy(&mut self, server: ServerKey, busy: bool) {
        let entry = self.table.entry_mut(server.0);
        if !entry.removed && entry.busy != busy {
            entry.busy = busy;
            self.refile(server.0);
        }
    }

    /// Reserves room on a server.
    ///
    /// # Errors
    /// [`Shortage`] when there is not enough, or no such server; nothing changed then. Health and cordons are the
    /// decision's matter, not that of the books.
    pub fn reserve(&mut self, server: ServerKey, resources: Resources) -> Result<(), Shortage> {
        let limits = self.limits(server.0);
        let entry = self.table.entry_mut(server.0);
        if entry.removed {
            return Err(Shortage { dimension: None, needs: 0, free: 0 });
        }
        let free = limits.minus(entry.used);
        if let Some(dimension) = resources.first_over(&free) {
            let (needs, free) = (resources.get(dimension), free.get(dimension));
            return Err(Shortage { dimension: Some(dimension), needs, free });
        }
        entry.used = entry.used.plus(resources);
        self.refile(server.0);
        Ok(())
    }

    /// Gives room back; at most what is reserved.
    pub fn release(&mut self, server: ServerKey, resources: Resources) {
        let entry = self.table.entry_mut(server.0);
        if !entry.removed {
            entry.used = entry.used.minus(resources);
            self.refile(server.0);
        }
    }

    /// How many servers there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is no server.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The key of a server.
    pub fn key(&self, id: ServerId) -> Option<ServerKey> {
        self.by_id.get(&id).copied().map(ServerKey)
    }

    /// The server of this name or id.
    pub(super) fn key_of_name(&self, server: &str) -> Option<ServerKey> {
        let by_id = || server.parse().ok().and_then(|id| self.by_id.get(&id));
        self.by_name.get(server).or_else(by_id).copied().map(ServerKey)
    }

    /// The slots of all servers in the order of ids.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.by_id.values().copied()
    }

    pub(super) fn limits(&self, slot: u32) -> Resources {
        let class = &self.classes[self.table.entry(slot).class as usize];
        self.shapes[class.shape as usize].limits
    }

    /// Puts a server where its entry says that it belongs.
    fn refile(&mut self, slot: u32) {
        let Self { table, classes, shapes, index_from, .. } = self;
        let entry = table.entry(slot);
        let (old, tier) = (entry.tier, entry.wanted_tier());
        let class = &classes[entry.class as usize];
        let shape = &mut shapes[class.shape as usize];
        let room = lanes::room(&shape.limits.minus(entry.used));
        let (joint, score) = (shape.weights.joint(&room), shape.weights.score(&entry.used));
        let row = Row { slot, room, joint, marks: class.marks, score };
        if old == tier {
            if let Some(rows) = shape.rows_mut(tier) {
                rows.change(table, &row);
            }
        } else {
            if let Some(rows) = shape.rows_mut(old) {
                rows.remove(table, slot, *index_from);
            }
            if let Some(rows) = shape.rows_mut(tier) {
                rows.insert(table, &row, *index_from);
            }
            shape.sum_up(old);
            table.entry_mut(slot).tier = tier;
            self.spilling -= usize::from(old == Tier::Spill);
            self.spilling += usize::from(tier == Tier::Spill);
        }
        shape.sum_up(tier);
    }

    fn class_for(&mut self, facts: &Facts) -> u32 {
        let shape = *self.by_limits.entry(facts.limits.amounts()).or_insert_with(|| {
            self.shapes.push(Shape::new(facts.limits));
            u32::try_from(self.shapes.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(&class) = self.by_labels.get(&(shape, facts.labels.clone())) {
            return class;
        }
        let bits = self.interner.intern(&facts.labels);
        let class = Class { shape, marks: bits.marks(), bits, members: Vec::new(), labels: facts.labels.clone() };
        let number = if let Some(number) = self.spare.pop() {
            self.classes[number as usize] = class;
            number
        } else {
            self.classes.push(class);
            u32::try_from(self.classes.len() - 1).unwrap_or(u32::MAX)
        };
        self.by_labels.insert((shape, facts.labels.clone()), number);
        number
    }

    /// Makes a server a member of a class, closed until it is filed.
    fn join(&mut self, slot: u32, class: u32) {
        self.take_from_turns(class);
        let (table, members) = (&mut self.table, &mut self.classes[class as usize].members);
        let id = table.id(slot);
        let place = members.partition_point(|&member| table.id(member) < id);
        members.insert(place, slot);
        table.entry_mut(slot).class = class;
        self.add_to_turns(class);
    }

    /// Takes a server out of its class, and the class out of the search when it was the last.
    fn leave(&mut self, slot: u32) {
        let number = self.table.entry(slot).class;
        self.take_from_turns(number);
        let (table, class) = (&mut self.table, &mut self.classes[number as usize]);
        let shape = &mut self.shapes[class.shape as usize];
        let tier = std::mem::replace(&mut table.entry_mut(slot).tier, Tier::Closed);
        if let Some(rows) = shape.rows_mut(tier) {
            rows.remove(table, slot, self.index_from);
        }
        shape.sum_up(tier);
        self.spilling -= usize::from(tier == Tier::Spill);
        let id = table.id(slot);
        if let Ok(place) = class.members.binary_search_by_key(&id, |&member| table.id(member)) {
            class.members.remove(place);
        }
        if class.members.is_empty() {
            let key = (class.shape, std::mem::take(&mut class.labels));
            self.by_labels.remove(&key);
            self.spare.push(number);
        } else {
            self.add_to_turns(number);
        }
    }

    fn turn_of(&self, class: u32) -> Option<Result<usize, usize>> {
        let lowest = |class: u32| self.classes[class as usize].members.first().map(|&slot| self.table.id(slot));
        let id = lowest(class)?;
        Some(self.turns.binary_search_by(|&other| lowest(other).cmp(&Some(id))))
    }

    fn take_from_turns(&mut self, class: u32) {
        if let Some(Ok(place)) = self.turn_of(class) {
            self.turns.remove(place);
        }
    }

    fn add_to_turns(&mut self, class: u32) {
        if let Some(Err(place)) = self.turn_of(class) {
            self.turns.insert(place, class);
        }
    }

    fn forget_name(&mut self, name: &str, slot: u32) {
        if self.by_name.get(name) == Some(&slot) {
            self.by_name.remove(name);
        }
    }
}

/// What may be reserved on a server, as far as amounts are told apart.
pub(super) fn limits_of(server: &ServerState) -> Resources {
    server.record.limits().zip(Resources::default(), |limit, _| limit.min(lanes::MOST))
}
