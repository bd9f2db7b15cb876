//! Servers that are alike.

use super::labels::LabelBits;
use super::rows::Rows;
use super::table::Tier;
use crate::label::Labels;
use crate::placement::Order;
use crate::placement::lanes::{self, Lanes, Weights};
use crate::resources::Resources;

/// Servers with the same limits. A request adds the same to the score of each, so that one order serves all requests.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) lanes: Lanes,
    pub(super) weights: Weights,
    /// The greatest flipped scores, by [`which`].
    bounds: [i32; 4],
    pub(super) open: Rows,
    pub(super) spill: Rows,
    pub(super) limits: Resources,
}

/// Servers with the same limits and labels: they take turns one after the other.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub(super) shape: u32,
    pub(super) marks: u32,
    pub(super) bits: LabelBits,
    /// The slots of all, also of those that take nothing, in the order of ids.
    pub(super) members: Vec<u32>,
    pub(super) labels: Labels,
}

/// The greatest flipped scores of some servers in either order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    emptiest: i32,
    fullest: i32,
}

/// The bound of no server.
pub(super) const NOBODY: i32 = i32::MIN;

/// Where a shape has the bound of a tier in an order.
pub(super) const fn which(tier: Tier, order: Order) -> usize {
    let spill = matches!(tier, Tier::Spill) as usize;
    let fullest = matches!(order, Order::Fullest) as usize;
    2 * spill + fullest
}

impl Bounds {
    pub(super) const NONE: Self = Self { emptiest: NOBODY, fullest: NOBODY };

    pub(super) const fn of(least: i32, most: i32) -> Self {
        if most < 0 { Self::NONE } else { Self { emptiest: least ^ Order::Emptiest.flip(), fullest: most } }
    }

    pub(super) const fn in_order(self, order: Order) -> i32 {
        match order {
            Order::Emptiest => self.emptiest,
            Order::Fullest => self.fullest,
        }
    }
}

impl Shape {
    pub(super) fn new(limits: Resources) -> Self {
        Self {
            lanes: lanes::room(&limits),
            weights: Weights::of(&limits),
            bounds: [NOBODY; 4],
            open: Rows::EMPTY,
            spill: Rows::EMPTY,
            limits,
        }
    }

    /// No server has a greater flipped score than this; [`NOBODY`] when there is none.
    pub(super) const fn bound(&self, which: usize) -> i32 {
        self.bounds[which]
    }

    /// Takes the bounds of a tier that changed.
    pub(super) fn sum_up(&mut self, tier: Tier) {
        if let Some(Bounds { emptiest, fullest }) = self.rows(tier).map(Rows::bounds) {
            self.bounds[which(tier, Order::Emptiest)] = emptiest;
            self.bounds[which(tier, Order::Fullest)] = fullest;
        }
    }

    pub(super) const fn rows(&self, tier: Tier) -> Option<&Rows> {
        match tier {
            Tier::Open => Some(&self.open),
            Tier::Spill => Some(&self.spill),
            Tier::Closed => None,
        }
    }

    pub(super) const fn rows_mut(&mut self, tier: Tier) -> Option<&mut Rows> {
        match tier {
            Tier::Open => Some(&mut self.open),
            Tier::Spill => Some(&mut self.spill),
            Tier::Closed => None,
        }
    }
}
