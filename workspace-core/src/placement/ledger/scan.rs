//! The servers of a small class in no order, all looked at.

use super::block::{Block, Row, WIDTH};
use super::class::Bounds;
use super::query::{Pick, Query};
use super::table::Table;

/// Rows in full blocks; the last may be part full.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    blocks: Vec<Block>,
    /// The least and the greatest score of each block.
    ranges: Vec<(i32, i32)>,
    len: u32,
}

impl Scan {
    pub(super) const EMPTY: Self = Self { blocks: Vec::new(), ranges: Vec::new(), len: 0 };

    pub(super) const fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn bounds(&self) -> Bounds {
        let join = |(a, b): (i32, i32), &(c, d): &(i32, i32)| (a.min(c), b.max(d));
        let (least, most) = self.ranges.iter().fold((i32::MAX, -1), join);
        Bounds::of(least, most)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        self.blocks.iter().flat_map(Block::rows)
    }

    pub(super) fn insert(&mut self, table: &mut Table, row: &Row) {
        table.entry_mut(row.slot).at = self.len;
        if self.len().is_multiple_of(WIDTH) {
            self.blocks.push(Block::EMPTY);
            self.ranges.push((i32::MAX, -1));
        }
        let block = self.len() / WIDTH;
        self.blocks[block].push(row);
        self.len += 1;
        self.sum_up(block);
    }

    pub(super) fn remove(&mut self, table: &mut Table, slot: u32) {
        let (hole, last) = (table.entry(slot).at as usize, self.len() - 1);
        let moved = self.blocks[last / WIDTH].row(last % WIDTH);
        self.blocks[hole / WIDTH].set(hole % WIDTH, &moved);
        table.entry_mut(moved.slot).at = table.entry(slot).at;
        self.blocks[last / WIDTH].swap_remove(last % WIDTH);
        self.len -= 1;
        self.blocks.truncate(self.len().div_ceil(WIDTH));
        self.ranges.truncate(self.blocks.len());
        for block in [hole / WIDTH, last / WIDTH] {
            self.sum_up(block);
        }
    }

    pub(super) fn change(&mut self, table: &Table, row: &Row) {
        let at = table.entry(row.slot).at as usize;
        let (block, (least, most)) = (&mut self.blocks[at / WIDTH], &mut self.ranges[at / WIDTH]);
        let old = block.score(at % WIDTH);
        block.set_amounts(at % WIDTH, row);
        // Most are at neither end, before and afterwards.
        if old > *least || row.score <= *least {
            *least = row.score.min(*least);
        } else {
            *least = block.least();
        }
        if old < *most || row.score >= *most {
            *most = row.score.max(*most);
        } else {
            *most = block.most();
        }
    }

    /// Corrects the range of a block that changed, unless it went.
    fn sum_up(&mut self, block: usize) {
        if let Some(rows) = self.blocks.get(block) {
            self.ranges[block] = (rows.least(), rows.most());
        }
    }

    pub(super) fn pick(&self, table: &Table, query: &Query<'_>, floor: i32, visits: &mut u32) -> Option<Pick> {
        let bound = |block: usize| {
            let (least, most) = self.ranges[block];
            Bounds::of(least, most).in_order(query.order)
        };
        let blocks = self.blocks.len();
        // The one with the best bound first: it often rules the others out.
        let lead = (1..blocks).fold(0, |lead, block| if bound(block) > bound(lead) { block } else { lead });
        let mut best: Option<Pick> = None;
        for block in (lead..blocks).chain(0..lead) {
            *visits += 1;
            if bound(block) < best.map_or(floor, |best| best.value) {
                continue;
            }
            *visits += self.blocks[block].len;
            if let Some(pick) = self.blocks[block].pick(query, &table.ids) {
                best = Some(best.map_or(pick, |best| best.better(pick, &table.ids)));
            }
        }
        best
    }

    pub(super) fn near(&self, query: &Query<'_>, floor: i32, each: &mut dyn FnMut(Pick)) {
        for block in &self.blocks {
            block.near(query, floor, each);
        }
    }
}
