//! Servers that are alike: the same limits and the same labels.

use super::labels::LabelBits;
use super::rows::Rows;
use super::table::Tier;
use crate::label::Labels;
use crate::placement::lanes::{Lanes, Weights};
use crate::resources::Resources;

/// Servers with the same limits. A request adds the same to the score of each.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) limits: Resources,
    pub(super) lanes: Lanes,
    pub(super) weights: Weights,
    /// Its classes that have members.
    pub(super) classes: Vec<u32>,
}

/// Servers with the same limits and labels: what is asked of them is checked once for all.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub(super) bits: LabelBits,
    pub(super) open: Rows,
    pub(super) spill: Rows,
    pub(super) shape: u32,
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
}
