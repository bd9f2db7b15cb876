//! Servers that are alike: the same limits and the same labels.

use super::labels::LabelBits;
use super::rows::Rows;
use super::table::Tier;
use crate::label::Labels;
use crate::placement::Order;
use crate::placement::lanes::{Lanes, Weights};
use crate::resources::Resources;

/// Servers with the same limits. A request adds the same to the score of each.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) limits: Resources,
    pub(super) lanes: Lanes,
    pub(super) weights: Weights,
    /// Its classes that have members.
    pub(super) heads: Vec<Head>,
}

/// What the search reads of every class: half a cache line.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// The first 64 labels.
    pub(super) low: u64,
    /// The class.
    pub(super) class: u32,
    /// By [`which`].
    bounds: [i32; 4],
}

/// Where a head has the bound of a tier in an order.
pub(super) const fn which(tier: Tier, order: Order) -> usize {
    let spill = matches!(tier, Tier::Spill) as usize;
    let fullest = matches!(order, Order::Fullest) as usize;
    2 * spill + fullest
}

/// The greatest flipped scores of some servers in either order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    emptiest: i32,
    fullest: i32,
}

/// The bound of no server.
pub(super) const NOBODY: i32 = i32::MIN;

impl Bounds {
    pub(super) const NONE: Self = Self { emptiest: NOBODY, fullest: NOBODY };

    pub(super) const fn of(least: i32, most: i32) -> Self {
        if most < 0 { Self::NONE } else { Self { emptiest: least ^ Order::Emptiest.flip(), fullest: most } }
    }
}

impl Head {
    pub(super) const fn new(class: u32, low: u64) -> Self {
        Self { low, class, bounds: [NOBODY; 4] }
    }

    /// No server has a greater flipped score than this; [`NOBODY`] when there is none.
    pub(super) const fn bound(&self, which: usize) -> i32 {
        self.bounds[which]
    }
}

/// Servers with the same limits and labels: what is asked of them is checked once for all.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub(super) bits: LabelBits,
    pub(super) open: Rows,
    pub(super) spill: Rows,
    pub(super) shape: u32,
    /// The place of its head in the shape.
    pub(super) head: u32,
    /// The slots of all, also of those that take nothing, in the order of ids.
    pub(super) members: Vec<u32>,
    pub(super) labels: Labels,
}

impl Class {
    pub(super) fn rows(&self, tier: Tier) -> Option<&Rows> {
        match tier {
            Tier::Open => Some(&self.open),
            Tier::Spill => Some(&self.spill),
            Tier::Closed => None,
        }
    }

    pub(super) fn rows_mut(&mut self, tier: Tier) -> Option<&mut Rows> {
        match tier {
            Tier::Open => Some(&mut self.open),
            Tier::Spill => Some(&mut self.spill),
            Tier::Closed => None,
        }
    }

    /// Tells the search the bounds of its scores.
    pub(super) fn tell(&self, heads: &mut [Head]) {
        let (open, spill) = (self.open.bounds(), self.spill.bounds());
        heads[self.head as usize].bounds = [open.emptiest, open.fullest, spill.emptiest, spill.fullest];
    }
}
