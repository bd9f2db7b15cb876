//! What is known of several servers at once: bounds that save looking at each.

use crate::placement::Order;
use crate::placement::lanes::{Lanes, NO_ROOM, fits};

/// Bounds over some servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    /// The greatest room in each dimension, not necessarily on one server.
    pub(super) room: Lanes,
    /// The greatest [`joint`](crate::placement::lanes::Weights::joint) room.
    pub(super) joint: i32,
    /// The least score.
    pub(super) least: i32,
    /// The greatest score.
    pub(super) most: i32,
}

impl Summary {
    /// Of no server.
    pub(super) const EMPTY: Self = Self { room: NO_ROOM, joint: -1, least: i32::MAX, most: -1 };

    /// Of both.
    pub(super) fn join(&self, other: &Self) -> Self {
        let mut room = self.room;
        for (mine, theirs) in room.iter_mut().zip(other.room) {
            *mine = theirs.max(*mine);
        }
        Self {
            room,
            joint: self.joint.max(other.joint),
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }

    /// Whether one of the servers may have room.
    pub(super) const fn may_fit(&self, need: &Lanes, joint: i32) -> bool {
        fits(need, &self.room) & (joint <= self.joint)
    }

    /// No server has a greater flipped score than this.
    pub(super) const fn bound(&self, order: Order) -> i32 {
        match order {
            Order::Emptiest => self.least ^ Order::Emptiest.flip(),
            Order::Fullest => self.most,
        }
    }
}
