//! The servers of a large class in the order of their scores, in blocks, with bounds over blocks and groups of blocks.
//!
//! A tree of three levels: a group sums up sixteen blocks, a block holds up to sixteen servers. Blocks are in the order
//! of (score, id) of what they hold, servers within a block are in none. A search walks from the end that is best,
//! passes over what cannot fit by its bounds, and ends at the first block that holds a server with room.

use super::block::{Block, Row, WIDTH};
use super::class::Bounds;
use super::query::{Pick, Query};
use super::summary::Summary;
use super::table::Table;
use crate::id::ServerId;
use crate::placement::Order;

/// Blocks that are summed up together.
const GROUP: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct Index {
    /// The blocks in no order; a server knows the number of its own.
    blocks: Vec<Block>,
    /// Numbers of blocks that are in no position.
    spare: Vec<u32>,
    /// The position of each block.
    position: Vec<u32>,
    /// The block in each position.
    order: Vec<u32>,
    /// Everything in a position is at or after its fence, everything before it is before. The first has no fence.
    fence_score: Vec<i32>,
    fence_id: Vec<ServerId>,
    /// Of the block in each position.
    sums: Vec<Summary>,
    /// Of each [`GROUP`] of positions.
    groups: Vec<Summary>,
    len: usize,
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            blocks: vec![Block::EMPTY],
            spare: Vec::new(),
            position: vec![0],
            order: vec![0],
            fence_score: vec![0],
            fence_id: vec![ServerId::from_uuid(uuid::Uuid::nil())],
            sums: vec![Summary::EMPTY],
            groups: vec![Summary::EMPTY],
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        self.order.iter().flat_map(|&block| self.blocks[block as usize].rows())
    }

    /// Blocks are in the order of scores and none is empty beside others: the ends are in the first and the last.
    pub(super) fn bounds(&self) -> Bounds {
        let (first, last) = (self.sums.first(), self.sums.last());
        first.zip(last).map_or(Bounds::NONE, |(first, last)| Bounds::of(first.least, last.most))
    }

    /// The position whose range holds this key.
    fn find(&self, score: i32, id: ServerId) -> usize {
        let mut next = self.fence_score.partition_point(|&fence| fence < score);
        if self.fence_score.get(next) == Some(&score) {
            let end = self.fence_score.partition_point(|&fence| fence <= score);
            next += self.fence_id[next..end].partition_point(|&fence| fence <= id);
        }
        next.saturating_sub(1)
    }

    pub(super) fn insert(&mut self, table: &mut Table, row: &Row) {
        let position = self.find(row.score, table.id(row.slot));
        self.insert_at(position, table, row);
    }

    fn insert_at(&mut self, mut position: usize, table: &mut Table, row: &Row) {
        if self.blocks[self.order[position] as usize].is_full() {
            self.split(table, position);
            let next = position + 1;
            if (self.fence_score[next], self.fence_id[next]) <= (row.score, table.id(row.slot)) {
                position = next;
            }
        }
        let block = self.order[position];
        self.blocks[block as usize].push(row);
        table.entry_mut(row.slot).at = block;
        self.len += 1;
        let added = Summary { room: row.room, joint: row.joint, marks: row.marks, least: row.score, most: row.score };
        self.sums[position] = self.sums[position].join(&added);
        self.groups[position / GROUP] = self.groups[position / GROUP].join(&added);
    }

    pub(super) fn remove(&mut self, table: &mut Table, slot: u32) {
        self.take(table, slot);
    }

    /// Removes a server; whether the blocks are still in the same positions.
    fn take(&mut self, table: &mut Table, slot: u32) -> bool {
        let block = table.entry(slot).at;
        let position = self.position[block as usize] as usize;
        let rows = &mut self.blocks[block as usize];
        rows.swap_remove(rows.lane_of(slot));
        self.len -= 1;
        let left = rows.len();
        self.sum_up(position);
        left >= WIDTH / 2 || !self.merge(table, position)
    }

    pub(super) fn change(&mut self, table: &mut Table, row: &Row) {
        let block = table.entry(row.slot).at;
        let position = self.position[block as usize] as usize;
        let target = self.find(row.score, table.id(row.slot));
        if target == position {
            let rows = &mut self.blocks[block as usize];
            rows.set(rows.lane_of(row.slot), row);
            self.sum_up(position);
        } else if self.take(table, row.slot) {
            self.insert_at(target, table, row);
        } else {
            self.insert(table, row);
        }
    }

    /// Moves the upper half of a full block to a new one after it.
    fn split(&mut self, table: &mut Table, position: usize) {
        let lower = self.order[position];
        let mut rows: Vec<Row> = self.blocks[lower as usize].rows().collect();
        rows.sort_unstable_by_key(|row| (row.score, table.id(row.slot)));
        let upper = self.spare.pop().unwrap_or_else(|| {
            self.blocks.push(Block::EMPTY);
            self.position.push(0);
            u32::try_from(self.blocks.len() - 1).unwrap_or(u32::MAX)
        });
        let (stay, go) = rows.split_at(rows.len() / 2);
        for (block, rows) in [(lower, stay), (upper, go)] {
            self.blocks[block as usize] = Block::EMPTY;
            for row in rows {
                self.blocks[block as usize].push(row);
                table.entry_mut(row.slot).at = block;
            }
        }
        let Some(first) = go.first() else { return };
        self.order.insert(position + 1, upper);
        self.fence_score.insert(position + 1, first.score);
        self.fence_id.insert(position + 1, table.id(first.slot));
        self.sums.insert(position + 1, self.blocks[upper as usize].summary());
        self.sums[position] = self.blocks[lower as usize].summary();
        self.renumber(position);
    }

    /// Joins a block that is less than half full with a neighbour when both fit into one and leave it room to grow;
    /// whether it did.
    fn merge(&mut self, table: &mut Table, position: usize) -> bool {
        let len = |position: usize| self.order.get(position).map(|&block| self.blocks[block as usize].len());
        let small =
            |other: Option<usize>| len(position).zip(other).is_some_and(|(a, b)| a == 0 || a + b <= WIDTH * 3 / 4);
        let lower = if small(len(position + 1)) {
            position
        } else if position > 0 && small(len(position - 1)) {
            position - 1
        } else {
            return false;
        };
        let (into, from) = (self.order[lower], self.order[lower + 1]);
        let rows: Vec<Row> = self.blocks[from as usize].rows().collect();
        for row in &rows {
            self.blocks[into as usize].push(row);
            table.entry_mut(row.slot).at = into;
        }
        self.blocks[from as usize] = Block::EMPTY;
        self.spare.push(from);
        self.order.remove(lower + 1);
        self.fence_score.remove(lower + 1);
        self.fence_id.remove(lower + 1);
        self.sums.remove(lower + 1);
        self.sums[lower] = self.blocks[into as usize].summary();
        self.renumber(lower);
        true
    }

    /// Corrects what depends on positions, from one on.
    fn renumber(&mut self, position: usize) {
        for (next, &block) in self.order.iter().enumerate().skip(position) {
            self.position[block as usize] = u32::try_from(next).unwrap_or(u32::MAX);
        }
        self.groups.resize(self.order.len().div_ceil(GROUP), Summary::EMPTY);
        for group in position / GROUP..self.groups.len() {
            self.sum_up_group(group);
        }
    }

    fn sum_up(&mut self, position: usize) {
        let new = self.blocks[self.order[position] as usize].summary();
        let old = std::mem::replace(&mut self.sums[position], new);
        let group = position / GROUP;
        let joined = self.groups[group].join(&new);
        // A bound of the group shrinks only where the block's own did and was the group's.
        let held = old.least < new.least && old.least == joined.least
            || old.most > new.most && old.most == joined.most
            || old.joint > new.joint && old.joint == joined.joint
            || old.marks & !new.marks != 0
            || (0..5).any(|at| old.room[at] > new.room[at] && old.room[at] == joined.room[at]);
        self.groups[group] = joined;
        if held {
            self.sum_up_group(group);
        }
    }

    fn sum_up_group(&mut self, group: usize) {
        let end = self.sums.len().min((group + 1) * GROUP);
        let sums = &self.sums[group * GROUP..end];
        self.groups[group] = sums.iter().fold(Summary::EMPTY, |sum, block| sum.join(block));
    }

    pub(super) fn pick(&self, table: &Table, query: &Query<'_>, floor: i32, visits: &mut u32) -> Option<Pick> {
        let mut groups = 0..self.groups.len();
        while let Some(group) = from_best(query.order, &mut groups) {
            *visits += 1;
            let bounds = &self.groups[group];
            if !bounds.may_fit(query) {
                continue;
            }
            if bounds.bound(query.order) < floor {
                return None;
            }
            if let Some(pick) = self.pick_in(group, table, query, floor, visits) {
                return Some(match query.order {
                    Order::Emptiest => pick,
                    Order::Fullest => self.lowest_equal(pick, table, query, visits),
                });
            }
        }
        None
    }

    /// The best of a group: the first in the order of its blocks.
    fn pick_in(&self, group: usize, table: &Table, query: &Query<'_>, floor: i32, visits: &mut u32) -> Option<Pick> {
        let mut positions = group * GROUP..self.order.len().min((group + 1) * GROUP);
        while let Some(position) = from_best(query.order, &mut positions) {
            *visits += 1;
            let bounds = &self.sums[position];
            if !bounds.may_fit(query) {
                continue;
            }
            if bounds.bound(query.order) < floor {
                return None;
            }
            let block = &self.blocks[self.order[position] as usize];
            *visits += block.len;
            if let Some(pick) = block.pick(query, &table.ids) {
                return Some(pick);
            }
        }
        None
    }

    /// Equal scores are in the order of ids: the lowest may be some blocks before the first that was found from the
    /// end.
    fn lowest_equal(&self, pick: Pick, table: &Table, query: &Query<'_>, visits: &mut u32) -> Pick {
        let score = pick.value ^ query.order.flip();
        let end = self.position[table.entry(pick.slot).at as usize] as usize;
        if end == 0 || self.fence_score[end] < score {
            return pick;
        }
        let first = self.fence_score.partition_point(|&fence| fence < score).saturating_sub(1);
        let equal = (first..end).find_map(|position| {
            *visits += 1;
            if !self.sums[position].may_fit(query) {
                return None;
            }
            let block = &self.blocks[self.order[position] as usize];
            *visits += block.len;
            block.lowest_with(pick.value, query, &table.ids)
        });
        equal.unwrap_or(pick)
    }

    pub(super) fn near(&self, query: &Query<'_>, floor: i32, each: &mut dyn FnMut(Pick)) {
        for (position, bounds) in self.sums.iter().enumerate() {
            if bounds.may_fit(query) && bounds.bound(query.order) >= floor {
                self.blocks[self.order[position] as usize].near(query, floor, each);
            }
        }
    }
}

/// The next of ascending positions from the end where the best are.
fn from_best(order: Order, positions: &mut std::ops::Range<usize>) -> Option<usize> {
    match order {
        Order::Emptiest => positions.next(),
        Order::Fullest => positions.next_back(),
    }
}
