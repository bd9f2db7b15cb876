//! What is searched for, and what was found.

use crate::id::ServerId;
use crate::placement::Order;
use crate::placement::lanes::Lanes;

/// What a server must have room for, and which is best.
#[derive(Clone, Copy)]
pub(super) struct Query<'a> {
    pub(super) need: Lanes,
    /// The joint need in the class that is searched; 0 asks for nothing.
    pub(super) joint: i32,
    /// Labels that must be there and that must not, as [`marks`](super::labels::LabelBits::marks).
    pub(super) must: u32,
    pub(super) must_not: u32,
    pub(super) order: Order,
    /// Rules besides room and labels: servers that are excluded, hard rules of an embedder.
    pub(super) accept: Option<&'a dyn Fn(u32) -> bool>,
}

/// A server within one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    /// Its flipped score: greater is better.
    pub(super) value: i32,
    pub(super) slot: u32,
}

impl Query<'_> {
    /// Whether labels with these marks may do.
    pub(super) const fn admits(&self, marks: u32) -> bool {
        (self.must & !marks) | (self.must_not & marks) == 0
    }
}

impl Pick {
    /// The better of two; among equals the one with the lower id.
    pub(super) fn better(self, other: Self, ids: &[ServerId]) -> Self {
        let id = |pick: Self| ids[pick.slot as usize];
        let other_wins = other.value > self.value || (other.value == self.value && id(other) < id(self));
        if other_wins { other } else { self }
    }
}
