//! The least reserved server.

use std::borrow::Cow;

use crate::placement::{Candidate, FleetView, Order, PlacementContext, PlacementStrategy};

/// Takes the server that is least reserved after the placement; by what is reserved, not by count.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spread;

impl PlacementStrategy for Spread {
    fn name(&self) -> &'static str {
        "spread"
    }

    fn select(&self, fleet: FleetView<'_>, cx: PlacementContext) -> Option<Candidate> {
        let found = fleet.best(Order::Emptiest, cx.tolerance);
        Some(Candidate { server: found.server?, reason: Cow::Borrowed("least reserved"), visits: found.visits })
    }
}
