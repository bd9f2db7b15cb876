//! The fullest server that still has room.

use std::cmp::Reverse;

use crate::placement::score::{over_soft_limit, percent_after, utilisation_after};
use crate::placement::{Candidate, FleetView, PlacementContext, PlacementRequest, PlacementStrategy};

/// Takes the server that is left with the least room, so that others stay free for large requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct BestFit;

impl PlacementStrategy for BestFit {
    fn name(&self) -> &'static str {
        "best_fit"
    }

    fn select(&self, fleet: FleetView<'_>, request: &PlacementRequest, _: PlacementContext) -> Option<Candidate> {
        let best = fleet.candidates(request).min_by_key(|server| {
            let preferred = Reverse(request.labels.preferred(&server.record.spec.labels));
            (over_soft_limit(server), Reverse(utilisation_after(server, request)), preferred, server.record.id)
        })?;
        let percent = percent_after(best, request);
        Some(Candidate { server: best.record.id, reason: format!("fits tightest: {percent}% after this workspace") })
    }
}
