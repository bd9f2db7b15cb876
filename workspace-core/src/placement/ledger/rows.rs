//! The servers of one class and tier: scanned while they are few, indexed when they are many.

use super::block::Row;
use super::class::Bounds;
use super::index::Index;
use super::query::{Pick, Query};
use super::scan::Scan;
use super::table::Table;
use crate::placement::lanes::Weights;

/// From how many servers of one class on an index is kept; half as many give it up again.
#[derive(Clone, Copy, Debug)]
pub(super) struct IndexFrom(pub(super) usize);

#[derive(Clone, Debug)]
pub(super) enum Rows {
    Scan(Scan),
    Index(Box<Index>),
}

impl Rows {
    pub(super) const EMPTY: Self = Self::Scan(Scan::EMPTY);

    pub(super) fn bounds(&self) -> Bounds {
        match self {
            Self::Scan(scan) => scan.bounds(),
            Self::Index(index) => index.bounds(),
        }
    }

    pub(super) fn insert(&mut self, table: &mut Table, row: &Row, from: IndexFrom) {
        match self {
            Self::Scan(scan) if scan.len() < from.0 => scan.insert(table, row),
            Self::Index(index) => index.insert(table, row),
            Self::Scan(scan) => {
                let mut index = Box::new(Index::new());
                for row in scan.rows() {
                    index.insert(table, &row);
                }
                index.insert(table, row);
                *self = Self::Index(index);
            }
        }
    }

    pub(super) fn remove(&mut self, table: &mut Table, slot: u32, from: IndexFrom) {
        match self {
            Self::Scan(scan) => scan.remove(table, slot),
            Self::Index(index) => {
                index.remove(table, slot);
                if index.len() < from.0 / 2 {
                    let mut scan = Scan::EMPTY;
                    for row in index.rows() {
                        scan.insert(table, &row);
                    }
                    *self = Self::Scan(scan);
                }
            }
        }
    }

    /// Takes the new amounts of a server that is here.
    pub(super) fn change(&mut self, table: &mut Table, row: &Row) {
        match self {
            Self::Scan(scan) => scan.change(table, row),
            Self::Index(index) => index.change(table, row),
        }
    }

    /// The best server, if its flipped score is at least `floor`; a worse one may be given or not.
    pub(super) fn pick(
        &self,
        table: &Table,
        query: &Query<'_>,
        weights: &Weights,
        floor: i32,
        visits: &mut u32,
    ) -> Option<Pick> {
        match self {
            Self::Scan(scan) => scan.pick(table, query, floor, visits),
            Self::Index(index) => {
                index.pick(table, &Query { joint: weights.joint(&query.need), ..*query }, floor, visits)
            }
        }
    }

    /// Calls `each` for every server that has room and a flipped score of at least `floor`.
    pub(super) fn near(&self, query: &Query<'_>, floor: i32, each: &mut dyn FnMut(Pick)) {
        match self {
            Self::Scan(scan) => scan.near(query, floor, each),
            Self::Index(index) => index.near(query, floor, each),
        }
    }
}
