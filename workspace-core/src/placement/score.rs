//! How full a server would be, in whole numbers.

use crate::model::ServerState;
use crate::placement::PlacementRequest;
use crate::resources::Dimension;

/// One full dimension: utilisation is a sum of shares of this.
pub(super) const WHOLE: u64 = 1_000_000;

/// The reserved shares of all dimensions after the request, added up; a dimension that the server lacks counts nothing.
pub(super) fn utilisation_after(server: &ServerState, request: &PlacementRequest) -> u64 {
    let limits = server.record.limits();
    let used = server.reserved.plus(request.resources);
    Dimension::ALL
        .into_iter()
        .filter(|&dimension| limits.get(dimension) > 0)
        .map(|dimension| share(used.get(dimension), limits.get(dimension)))
        .sum()
}

/// The share in percent, averaged over the dimensions that the server has: what an explanation shows.
pub(super) fn percent_after(server: &ServerState, request: &PlacementRequest) -> u64 {
    let limits = server.record.limits();
    let dimensions = Dimension::ALL.into_iter().filter(|&dimension| limits.get(dimension) > 0).count();
    utilisation_after(server, request) * 100 / (WHOLE * u64::try_from(dimensions).unwrap_or(1).max(1))
}

/// Whether the server is at its soft limit: it is then taken only when no other has room.
pub(super) fn over_soft_limit(server: &ServerState) -> bool {
    server.record.spec.soft_max_workspaces.is_some_and(|soft| server.reserved.slots >= u64::from(soft))
}

fn share(used: u64, limit: u64) -> u64 {
    u64::try_from(u128::from(used) * u128::from(WHOLE) / u128::from(limit)).unwrap_or(u64::MAX / 8)
}
