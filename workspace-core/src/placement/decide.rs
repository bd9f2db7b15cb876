//! A decision with its explanation.

use crate::error::Result;
use crate::id::ServerId;
use crate::model::PlacementRecord;
use crate::placement::no_place::no_place;
use crate::placement::refusals::refusals;
use crate::placement::{
    Ask, Candidate, FleetView, Ledger, PlacementContext, PlacementRequest, PlacementStrategy, Refusals, ServerView,
};

/// Where something goes, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The chosen server.
    pub server: ServerId,
    /// Its name.
    pub server_name: String,
    /// Why there and why not elsewhere.
    pub record: PlacementRecord,
    /// What the strategy would take without the chosen server.
    pub runner_up: Option<String>,
    /// Why not elsewhere, counted.
    pub refusals: Refusals,
}

/// Chooses a server and says why.
///
/// # Errors
/// [`NoHealthyServers`](crate::error::ErrorKind::NoHealthyServers) when no server is healthy;
/// [`InsufficientCapacity`](crate::error::ErrorKind::InsufficientCapacity) when none of the healthy ones can take the
/// request, be it for want of room or because none is open. Both carry the [`Rejection`](crate::placement::Rejection)s
/// of the first [`LISTED`](crate::placement::LISTED) servers.
pub fn decide(
    strategy: &dyn PlacementStrategy,
    ledger: &Ledger,
    request: &PlacementRequest,
    cx: PlacementContext,
) -> Result<Decision> {
    explain(strategy, ledger, request, cx).0
}

/// [`decide`], and why not elsewhere, counted, also where nowhere will do.
pub fn explain(
    strategy: &dyn PlacementStrategy,
    ledger: &Ledger,
    request: &PlacementRequest,
    cx: PlacementContext,
) -> (Result<Decision>, Refusals) {
    let mut ask = ledger.prepare(request);
    let refusals = refusals(strategy, ledger, request, &ask);
    let chosen = strategy.select(FleetView::new(ledger, request, &ask), cx);
    let Some((server, candidate)) = chosen.and_then(|found| Some((ledger.server(found.server)?, found))) else {
        return (Err(no_place(strategy, ledger, request, &ask, refusals.clone())), refusals);
    };
    let reason = reason(strategy, &server, &candidate, FleetView::new(ledger, request, &ask), &ask);
    ask.exclude(server.id());
    let second = strategy.select(FleetView::new(ledger, request, &ask), cx);
    let runner_up = second.and_then(|second| Some(ledger.server(second.server)?.name().to_owned()));
    let record = PlacementRecord { strategy: strategy.name().to_owned(), reason, rejections: refusals.listed.clone() };
    let (id, server_name) = (server.id(), server.name().to_owned());
    (Ok(Decision { server: id, server_name, record, runner_up, refusals: refusals.clone() }), refusals)
}

/// Why this server, with its numbers; first, why not the one that was asked for.
fn reason(
    strategy: &dyn PlacementStrategy,
    server: &ServerView<'_>,
    candidate: &Candidate,
    fleet: FleetView<'_>,
    ask: &Ask,
) -> String {
    let request = fleet.request();
    let percent = server.percent_with(request.resources);
    let named = fleet.named().filter(|named| named.key() != server.key());
    let refused = named.and_then(|named| Some(named.refusal(ask)?.rejection(&named, request, strategy)));
    let relaxed = refused
        .map_or_else(String::new, |rejection| format!("{} was preferred but {}: ", rejection.server, rejection.detail));
    format!("{relaxed}{}: {percent}% after this workspace", candidate.reason)
}

#[cfg(test)]
mod tests;
