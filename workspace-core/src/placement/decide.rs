//! A decision with its explanation.

use crate::error::{Error, ErrorKind, Result};
use crate::id::ServerId;
use crate::model::{Availability, PlacementRecord, Scheduling, ServerState};
use crate::placement::{FleetView, PlacementContext, PlacementRequest, PlacementStrategy, Rejection, admit};
use crate::resources::{Dimension, Resources};

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
}

/// Chooses a server and says why.
///
/// # Errors
/// [`ErrorKind::NoHealthyServers`] when no server is healthy; [`ErrorKind::InsufficientCapacity`] when none of the
/// healthy ones can take the request. Both carry every [`Rejection`].
pub fn decide(
    strategy: &dyn PlacementStrategy,
    servers: &[ServerState],
    request: &PlacementRequest,
    cx: PlacementContext,
) -> Result<Decision> {
    let rejections: Vec<Rejection> = servers.iter().filter_map(|server| admit(server, request).err()).collect();
    let fleet = FleetView::new(servers);
    let chosen = strategy
        .select(fleet, request, cx)
        .and_then(|candidate| Some((servers.iter().find(|server| server.record.id == candidate.server)?, candidate)));
    let Some((server, candidate)) = chosen else {
        return Err(refusal(servers, request, rejections));
    };
    let mut without = request.clone();
    without.excluded.insert(candidate.server);
    let runner_up = strategy.select(fleet, &without, cx).and_then(|second| {
        let server = servers.iter().find(|server| server.record.id == second.server)?;
        Some(server.record.spec.name.clone())
    });
    Ok(Decision {
        server: candidate.server,
        server_name: server.record.spec.name.clone(),
        record: PlacementRecord { strategy: strategy.name().to_owned(), reason: candidate.reason, rejections },
        runner_up,
    })
}

fn refusal(servers: &[ServerState], request: &PlacementRequest, rejections: Vec<Rejection>) -> Error {
    let healthy = |server: &&ServerState| server.observation.availability == Availability::Healthy;
    if !servers.iter().any(|server| healthy(&server)) {
        let error = Error::new(ErrorKind::NoHealthyServers, format!("none of {} servers is healthy", servers.len()));
        return error.hint("register a server, or see last_error of the servers").rejections(rejections);
    }
    let open = servers.iter().filter(healthy).filter(|server| server.record.scheduling == Scheduling::Active);
    let best = open.fold(Resources::default(), |best, server| best.zip(server.free(), u64::max));
    let short = Dimension::ALL.into_iter().find(|&dimension| request.resources.get(dimension) > best.get(dimension));
    let message = match short {
        Some(dimension) => format!(
            "no server has room: {dimension}: needs {} {unit}, the best server has {} free",
            request.resources.get(dimension),
            best.get(dimension),
            unit = dimension.unit()
        ),
        None => "no server can take the request; rejections say why for each".to_owned(),
    };
    Error::new(ErrorKind::InsufficientCapacity, message)
        .hint("ask for less, loosen the labels, or stop something that runs")
        .rejections(rejections)
}

#[cfg(test)]
mod tests;
