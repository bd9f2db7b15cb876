//! Best fit by what is left over in absolute terms.

use crate::placement::{PlacementRequest, ServerScore, ServerView};
use crate::resources::{Dimension, Resources};

/// A score for [`ByScore`](crate::placement::ByScore): the server that is left with the least, in the dimensions that
/// count and in absolute terms, so that small servers fill before large ones are begun.
///
/// The best fit of "Beware of Fragmentation" (USENIX ATC 2023) counts cores and GPUs, each by the largest server.
#[derive(Clone, Copy, Debug)]
pub struct LeftOver {
    largest: Resources,
}

impl LeftOver {
    /// By the amounts of the largest server; a dimension of which it has none does not count.
    pub const fn new(largest: Resources) -> Self {
        Self { largest }
    }
}

impl ServerScore for LeftOver {
    fn name(&self) -> &'static str {
        "least_left_over"
    }

    fn score(&self, server: ServerView<'_>, request: &PlacementRequest) -> i64 {
        let left = server.free().minus(request.resources);
        let shares = Dimension::ALL.into_iter().map(|dimension| {
            let (left, largest) = (u128::from(left.get(dimension)), u128::from(self.largest.get(dimension)));
            (left << 28).checked_div(largest).unwrap_or(0)
        });
        i64::try_from(shares.sum::<u128>()).map_or(i64::MIN, |sum| -sum)
    }
}
