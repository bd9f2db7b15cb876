//! The next server in turn.

use std::borrow::Cow;

use crate::placement::{Candidate, FleetView, PlacementContext, PlacementStrategy};

/// Takes the servers one after the other, passing over those without room.
///
/// Servers with the same limits and labels follow one another in the order of their ids; servers whose labels or
/// totals can never do for the request have no turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoundRobin;

impl PlacementStrategy for RoundRobin {
    fn name(&self) -> &'static str {
        "round_robin"
    }

    fn select(&self, fleet: FleetView<'_>, cx: PlacementContext) -> Option<Candidate> {
        let found = fleet.next_in_turn(cx.cursor);
        Some(Candidate { server: found.server?, reason: Cow::Borrowed("next in turn"), visits: found.visits })
    }
}
