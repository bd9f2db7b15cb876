//! What is known of several servers at once: bounds that save looking at each.

use super::query::Query;
use crate::placement::Order;
use crate::placement::lanes::{Lanes, NO_ROOM, fits};

/// Bounds over some servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    /// The greatest room in each dimension, not necessarily on one server.
    pub(super) room: Lanes,
    /// The greatest [`joint`](crate::placement::lanes::Weights::joint) room.
    pub(super) joint: i32,
    /// The marks of all labels.
    pub(super) marks: u32,
    /// The least score.
    pub(super) least: i32,
    /// The greatest score.
    pub(super) most: i32,
}

impl Summary {
    /// Of no server.
    pub(super) const EMPTY: Self = Self { room: NO_ROOM, joint: -1, marks: 0, least: i32::MAX, most: -1 };

    /// Of both.
    pub(super) fn join(&self, other: &Self) -> Self {
        let mut room = self.room;
        for (mine, theirs) in room.iter_mut().zip(other.room) {
            *mine = theirs.max(*mine);
        }
        Self {
            room,
            joint: self.joint.max(other.joint),
            marks: self.marks | other.marks,
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }

    /// Whether one of the servers may have room.
    #[expect(clippy::needless_bitwise_bool, reason = "comparisons without branches")]
    pub(super) const fn may_fit(&self, query: &Query<'_>) -> bool {
        fits(&query.need, &self.room) & (query.joint <= self.joint) & (query.must & !self.marks == 0)
    }

    /// No server has a greater flipped score than this.
    pub(super) const fn bound(&self, order: Order) -> i32 {
        match order {
            Order::Emptiest => self.least ^ Order::Emptiest.flip(),
            Order::Fullest => self.most,
        }
    }
}
