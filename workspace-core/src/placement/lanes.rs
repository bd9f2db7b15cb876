//! Amounts as the engine compares them: five 32-bit integers side by side, and the score made of them.

use crate::resources::Resources;

/// One amount in each of [`Dimension::ALL`](crate::resources::Dimension::ALL).
pub(super) type Lanes = [i32; 5];

/// The greatest amount that is told apart: 2 million cores, 2 PiB of memory. What is more counts as this much.
pub(super) const MOST: u64 = i32::MAX as u64 - 1;

/// Room of which nothing is left, not even for a request of nothing: no server, or one that takes no work.
pub(super) const NO_ROOM: Lanes = [-1; 5];

/// What a server has free.
pub(super) fn room(free: &Resources) -> Lanes {
    free.amounts().map(|amount| i32::try_from(amount.min(MOST)).unwrap_or(i32::MAX))
}

/// What a request needs; more than [`MOST`] stays more than any room.
pub(super) fn need(resources: &Resources) -> Lanes {
    resources.amounts().map(|amount| i32::try_from(amount).unwrap_or(i32::MAX))
}

/// The one rule of what fits: no dimension needs more than there is.
///
/// It says the same as [`Resources::first_over`], by which the claim is guarded, in the form that the search uses.
#[expect(clippy::needless_bitwise_bool, reason = "five comparisons without branches")]
pub(super) const fn fits(need: &Lanes, room: &Lanes) -> bool {
    (need[0] <= room[0]) & (need[1] <= room[1]) & (need[2] <= room[2]) & (need[3] <= room[3]) & (need[4] <= room[4])
}

/// One full dimension: a score is a sum of shares of this.
pub(super) const WHOLE: u64 = 1 << 28;

/// How much each dimension counts in the score. GPUs count three times: they are what is scarce on a server that has
/// some. All together are less than the greatest score.
const COUNTS: [u64; 5] = [1, 1, 1, 1, 3];

/// The score of a server that is so much over its limits that more makes no difference.
const FULLEST: u64 = i32::MAX as u64 - 1;

/// What one unit of each dimension adds to the score; a dimension that the server lacks adds nothing.
///
/// The score is linear in what is used: in a class of servers with the same limits a request adds the same to every
/// score, so that servers are ordered after the placement as they are before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weights([u64; 5]);

impl Weights {
    /// For servers with these limits.
    pub(super) fn of(limits: &Resources) -> Self {
        let (limits, mut weights) = (limits.amounts(), COUNTS);
        for (weight, limit) in weights.iter_mut().zip(limits) {
            *weight = (*weight * WHOLE).checked_div(limit).unwrap_or(0);
        }
        Self(weights)
    }

    /// The reserved shares of all dimensions added up.
    pub(super) fn score(&self, used: &Resources) -> i32 {
        i32::try_from(self.sum(used).min(FULLEST)).unwrap_or(i32::MAX)
    }

    /// The lesser of the shares of cores and memory. A request that fits has no greater one than the room has.
    ///
    /// The greatest cores and the greatest memory of several servers may be those of different servers; the greatest
    /// joint room is that of one.
    pub(super) fn joint(&self, lanes: &Lanes) -> i32 {
        let share = |at: usize| self.0[at] * u64::try_from(lanes[at]).unwrap_or(0);
        i32::try_from(share(0).min(share(1))).unwrap_or(i32::MAX)
    }

    /// What a need adds to the score.
    pub(super) fn growth(&self, need: &Lanes) -> i64 {
        let shares = self.0.iter().zip(need).map(|(weight, &amount)| weight * u64::try_from(amount).unwrap_or(0));
        i64::try_from(shares.sum::<u64>()).unwrap_or(i64::MAX)
    }

    fn sum(&self, amounts: &Resources) -> u64 {
        // Below 2^32 * 2^28 * 7: nothing overflows.
        self.0.iter().zip(amounts.amounts()).map(|(weight, amount)| weight * amount.min(1 << 32)).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(crate::placement::tried())]

        #[test]
        fn the_search_and_the_claim_agree_on_what_fits(
            need in prop::array::uniform5(0_u64..4), free in prop::array::uniform5(0_u64..4), huge in 0_usize..7,
        ) {
            let resources = |a: [u64; 5]| {
                Resources { cpu_millis: a[0], memory_mib: a[1], disk_gib: a[2], slots: a[3], gpus: a[4] }
            };
            let mut need = need;
            if let Some(amount) = need.get_mut(huge) {
                *amount = u64::MAX;
            }
            let (need, free) = (resources(need), resources(free));
            prop_assert_eq!(fits(&super::need(&need), &room(&free)), need.first_over(&free).is_none());
        }
    }

    #[test]
    fn what_a_server_lacks_counts_nothing_and_nothing_overflows() {
        let limits = Resources { cpu_millis: 4_000, ..Resources::default() };
        let everything =
            Resources { cpu_millis: u64::MAX, memory_mib: u64::MAX, disk_gib: 7, slots: 7, gpus: u64::MAX };
        assert_eq!(Weights::of(&Resources::default()).score(&everything), 0);
        assert_eq!(u64::try_from(Weights::of(&limits).score(&limits)).unwrap(), WHOLE / 4_000 * 4_000);
        assert!(Weights::of(&limits).score(&everything) < i32::MAX);
        let one = Resources { cpu_millis: 1, memory_mib: 1, disk_gib: 1, slots: 1, gpus: 1 };
        assert_eq!(u64::try_from(Weights::of(&one).score(&one)).unwrap(), 7 * WHOLE, "a full server is told apart");
        assert!(!fits(&NO_ROOM.map(|_| 0), &NO_ROOM));
    }
}
