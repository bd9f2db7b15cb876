//! Sixteen servers side by side, compared without branches so that the compiler makes vector instructions of it.

use super::query::{Pick, Query};
use super::summary::Summary;
use crate::id::ServerId;
use crate::placement::lanes::{Lanes, NO_ROOM, fits};

/// Servers in a block: one cache line of 32-bit amounts.
pub(super) const WIDTH: usize = 16;

/// Less than every flipped score: no server of the block has room.
const NONE: i32 = i32::MIN;

/// What is compared of up to [`WIDTH`] servers, dimension by dimension. Lanes from `len` on have no room.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct Block {
    score: [i32; WIDTH],
    room: [[i32; WIDTH]; 5],
    joint: [i32; WIDTH],
    marks: [u32; WIDTH],
    slot: [u32; WIDTH],
    pub(super) len: u32,
}

/// One value of each lane. Aligned, because a vector that is read across two that were written waits for both.
#[repr(align(64))]
struct Values([i32; WIDTH]);

/// What is compared of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) slot: u32,
    pub(super) room: Lanes,
    pub(super) joint: i32,
    /// Its labels.
    pub(super) marks: u32,
    pub(super) score: i32,
}

impl Block {
    pub(super) const EMPTY: Self = Self {
        score: [i32::MAX; WIDTH],
        room: [[-1; WIDTH]; 5],
        joint: [-1; WIDTH],
        marks: [0; WIDTH],
        slot: [u32::MAX; WIDTH],
        len: 0,
    };

    pub(super) const fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) const fn is_full(&self) -> bool {
        self.len() == WIDTH
    }

    pub(super) fn row(&self, lane: usize) -> Row {
        Row {
            slot: self.slot[lane],
            room: self.room.map(|dimension| dimension[lane]),
            joint: self.joint[lane],
            marks: self.marks[lane],
            score: self.score[lane],
        }
    }

    pub(super) const fn score(&self, lane: usize) -> i32 {
        self.score[lane]
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        (0..self.len()).map(|lane| self.row(lane))
    }

    pub(super) fn set(&mut self, lane: usize, row: &Row) {
        self.slot[lane] = row.slot;
        self.marks[lane] = row.marks;
        self.set_amounts(lane, row);
    }

    /// Takes the amounts of the server that is there already.
    pub(super) fn set_amounts(&mut self, lane: usize, row: &Row) {
        self.score[lane] = row.score;
        self.joint[lane] = row.joint;
        for (dimension, amount) in self.room.iter_mut().zip(row.room) {
            dimension[lane] = amount;
        }
    }

    /// Adds a row to a block that is not full.
    pub(super) fn push(&mut self, row: &Row) {
        self.set(self.len(), row);
        self.len += 1;
    }

    /// Removes a row; the last one takes its place.
    pub(super) fn swap_remove(&mut self, lane: usize) {
        let last = self.len() - 1;
        let moved = self.row(last);
        self.set(lane, &moved);
        self.set(last, &Row { slot: u32::MAX, room: NO_ROOM, joint: -1, marks: 0, score: i32::MAX });
        self.len -= 1;
    }

    /// The lane of a server that is in this block.
    pub(super) fn lane_of(&self, slot: u32) -> usize {
        let mut found = 0;
        for lane in 0..WIDTH {
            if self.slot[lane] == slot {
                found = lane;
            }
        }
        found
    }

    /// The least score. Free lanes have the greatest number there is.
    pub(super) fn least(&self) -> i32 {
        let mut least = i32::MAX;
        for &score in &self.score {
            least = least.min(score);
        }
        least
    }

    /// The greatest score; -1 when there is no server.
    pub(super) fn most(&self) -> i32 {
        let mut most = -1;
        for lane in 0..WIDTH {
            // All ones where there is no server.
            let free = self.room[0][lane] >> 31;
            most = most.max(self.score[lane] | free);
        }
        most
    }

    pub(super) fn summary(&self) -> Summary {
        let [cpu, memory, disk, slots, gpus] = &self.room;
        let (mut room, mut joint, mut marks) = ([-1; 5], -1, 0);
        let (mut least, mut most) = (i32::MAX, -1);
        // One loop for all: short loops of their own would be unrolled before they are made vector instructions.
        for lane in 0..WIDTH {
            room[0] = room[0].max(cpu[lane]);
            room[1] = room[1].max(memory[lane]);
            room[2] = room[2].max(disk[lane]);
            room[3] = room[3].max(slots[lane]);
            room[4] = room[4].max(gpus[lane]);
            joint = joint.max(self.joint[lane]);
            marks |= self.marks[lane];
            // All ones where there is no server.
            let free = cpu[lane] >> 31;
            least = least.min(self.score[lane]);
            most = most.max(self.score[lane] | free);
        }
        Summary { room, joint, marks, least, most }
    }

    /// The flipped scores of the servers that have room, [`NONE`] of the others, and the greatest of them. In one loop:
    /// a second one would read vectors across what this one has just written, and wait for it.
    #[expect(clippy::needless_bitwise_bool, reason = "comparisons without branches become vector instructions")]
    fn values(&self, query: &Query<'_>) -> (Values, i32) {
        let (need, flip) = (&query.need, query.order.flip());
        let [cpu, memory, disk, slots, gpus] = &self.room;
        let (mut values, mut greatest) = (Values([NONE; WIDTH]), NONE);
        for lane in 0..WIDTH {
            let short = (need[0] > cpu[lane])
                | (need[1] > memory[lane])
                | (need[2] > disk[lane])
                | (need[3] > slots[lane])
                | (need[4] > gpus[lane])
                | !query.admits(self.marks[lane]);
            let value = if short { NONE } else { self.score[lane] ^ flip };
            values.0[lane] = value;
            greatest = greatest.max(value);
        }
        (values, greatest)
    }

    fn passes(&self, lane: usize, query: &Query<'_>) -> bool {
        fits(&query.need, &self.room.map(|dimension| dimension[lane]))
            && query.admits(self.marks[lane])
            && query.accept.is_none_or(|accept| accept(self.slot[lane]))
    }

    /// The rows that have room and that no further rule refuses.
    fn fitting<'a>(&'a self, query: &'a Query<'_>) -> impl Iterator<Item = (i32, u32)> + 'a {
        let flip = query.order.flip();
        (0..self.len())
            .filter(move |&lane| self.passes(lane, query))
            .map(move |lane| (self.score[lane] ^ flip, self.slot[lane]))
    }

    /// The best row; among equals the one with the lowest id.
    pub(super) fn pick(&self, query: &Query<'_>, ids: &[ServerId]) -> Option<Pick> {
        let (values, greatest) = self.values(query);
        if greatest == NONE {
            return None;
        }
        if query.accept.is_some() {
            return self.fitting(query).map(|(value, slot)| Pick { value, slot }).reduce(|a, b| a.better(b, ids));
        }
        let mut equals = equals(&values, greatest);
        let mut pick = Pick { value: greatest, slot: self.slot[equals.trailing_zeros() as usize % WIDTH] };
        loop {
            equals &= equals - 1;
            if equals == 0 {
                return Some(pick);
            }
            let slot = self.slot[equals.trailing_zeros() as usize % WIDTH];
            pick = pick.better(Pick { value: greatest, slot }, ids);
        }
    }

    /// The row with this flipped score and the lowest id.
    pub(super) fn lowest_with(&self, value: i32, query: &Query<'_>, ids: &[ServerId]) -> Option<Pick> {
        let score = value ^ query.order.flip();
        let equals = (0..self.len()).filter(|&lane| self.score[lane] == score).filter(|&lane| self.passes(lane, query));
        equals.map(|lane| Pick { value, slot: self.slot[lane] }).reduce(|a, b| a.better(b, ids))
    }

    /// Calls `each` for every row that has room and a flipped score of at least `floor`.
    pub(super) fn near(&self, query: &Query<'_>, floor: i32, each: &mut dyn FnMut(Pick)) {
        for (value, slot) in self.fitting(query).filter(|&(value, _)| value >= floor) {
            each(Pick { value, slot });
        }
    }
}

/// A bit for each lane that has this value, of which there is one.
fn equals(Values(values): &Values, value: i32) -> u32 {
    values.iter().enumerate().fold(0, |bits, (lane, &other)| bits | u32::from(other == value) << lane)
}
