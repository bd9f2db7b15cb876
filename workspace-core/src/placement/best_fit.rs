//! The fullest server that still has room.

use std::borrow::Cow;

use crate::placement::{Candidate, FleetView, Order, PlacementContext, PlacementStrategy};

/// Takes the server that is left with the least room, so that others stay free for large requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct BestFit;

impl PlacementStrategy for BestFit {
    fn name(&self) -> &'static str {
        "best_fit"
    }

    fn select(&self, fleet: FleetView<'_>, cx: PlacementContext) -> Option<Candidate> {
        let found = fleet.best(Order::Fullest, cx.tolerance);
        Some(Candidate { server: found.server?, reason: Cow::Borrowed("fits tightest"), visits: found.visits })
    }
}
