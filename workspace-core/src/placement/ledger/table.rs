//! What is known of each server, by slot: a number that it keeps for its life.

use super::books::limits_of;
use crate::id::ServerId;
use crate::label::Labels;
use crate::model::{Availability, Scheduling, ServerState};
use crate::resources::Resources;

/// How ready a server is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tier {
    /// Taken like any other.
    Open,
    /// Taken only when no open one has room: over its soft limit, or busy with starts.
    Spill,
    /// Takes nothing new: cordoned, not healthy, or removed.
    Closed,
}

/// What changes with every reservation: one cache line.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct Entry {
    /// What is reserved.
    pub(super) used: Resources,
    /// Its class.
    pub(super) class: u32,
    /// Where it is in its tier of the class: the row of a scan, the block of an index.
    pub(super) at: u32,
    /// Above this many slots in use it spills.
    pub(super) soft_slots: u32,
    /// As many starts are under way as the server should have at once.
    pub(super) busy: bool,
    /// Whether its health and the admins let new work come.
    pub(super) takes_work: bool,
    pub(super) removed: bool,
    pub(super) tier: Tier,
}

impl Entry {
    /// The tier where it belongs.
    pub(super) fn wanted_tier(&self) -> Tier {
        match self.takes_work {
            false => Tier::Closed,
            true if self.busy || self.used.slots >= u64::from(self.soft_slots) => Tier::Spill,
            true => Tier::Open,
        }
    }
}

/// What changes rarely.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) name: String,
    pub(super) labels: Labels,
    pub(super) limits: Resources,
    pub(super) availability: Availability,
    pub(super) scheduling: Scheduling,
    pub(super) last_error: Option<String>,
}

impl Facts {
    /// Whether they are those of this server.
    pub(super) fn describe(&self, server: &ServerState) -> bool {
        let (spec, observation) = (&server.record.spec, &server.observation);
        self.name == spec.name
            && self.labels == spec.labels
            && self.limits == limits_of(server)
            && self.availability == observation.availability
            && self.scheduling == server.record.scheduling
            && self.last_error == observation.last_error
    }
}

/// Everything by slot. Slots of removed servers are not used again, so that a key never means another server.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) ids: Vec<ServerId>,
    pub(super) entries: Vec<Entry>,
    /// `None` for what was removed.
    pub(super) facts: Vec<Option<Facts>>,
}

impl Table {
    pub(super) fn entry(&self, slot: u32) -> &Entry {
        &self.entries[slot as usize]
    }

    pub(super) fn entry_mut(&mut self, slot: u32) -> &mut Entry {
        &mut self.entries[slot as usize]
    }

    pub(super) fn id(&self, slot: u32) -> ServerId {
        self.ids[slot as usize]
    }

    pub(super) fn facts(&self, slot: u32) -> Option<&Facts> {
        self.facts.get(slot as usize)?.as_ref()
    }
}
