//! The next server in turn.

use crate::placement::score::over_soft_limit;
use crate::placement::{Candidate, FleetView, PlacementContext, PlacementRequest, PlacementStrategy};

/// Takes the servers in the order of their ids, one after the other, passing over those without room.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoundRobin;

impl PlacementStrategy for RoundRobin {
    fn name(&self) -> &'static str {
        "round_robin"
    }

    fn select(&self, fleet: FleetView<'_>, request: &PlacementRequest, cx: PlacementContext) -> Option<Candidate> {
        let mut ids: Vec<_> = fleet.servers().iter().map(|server| server.record.id).collect();
        ids.sort_unstable();
        let count = u64::try_from(ids.len()).ok().filter(|&count| count > 0)?;
        let turn = cx.cursor % count;
        let distance = |id| {
            let place = ids.binary_search(&id).ok().and_then(|index| u64::try_from(index).ok()).unwrap_or(0);
            (place + count - turn) % count
        };
        let next =
            fleet.candidates(request).min_by_key(|server| (over_soft_limit(server), distance(server.record.id)))?;
        Some(Candidate { server: next.record.id, reason: "next in turn".to_owned() })
    }
}
