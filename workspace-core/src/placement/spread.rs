//! The least reserved server.

use std::cmp::Reverse;

use crate::placement::score::{over_soft_limit, percent_after, utilisation_after};
use crate::placement::{Candidate, FleetView, PlacementContext, PlacementRequest, PlacementStrategy};

/// Takes the server that is least reserved after the placement; by what is reserved, not by count.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spread;

impl PlacementStrategy for Spread {
    fn name(&self) -> &'static str {
        "spread"
    }

    fn select(&self, fleet: FleetView<'_>, request: &PlacementRequest, _: PlacementContext) -> Option<Candidate> {
        let best = fleet.candidates(request).min_by_key(|server| {
            let preferred = Reverse(request.labels.preferred(&server.record.spec.labels));
            (over_soft_limit(server), utilisation_after(server, request), preferred, server.record.id)
        })?;
        let percent = percent_after(best, request);
        Some(Candidate { server: best.record.id, reason: format!("least reserved: {percent}% after this workspace") })
    }
}
