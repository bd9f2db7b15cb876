//! The one rule of what fits where; the stores guard their claims with the same.

use crate::model::{Availability, Scheduling, ServerState};
use crate::placement::{PlacementRequest, Rejection};

/// Whether new work may go to a server, by what the probes say and what the admins say.
///
/// # Errors
/// The stable code of the reason and its text.
pub const fn may_schedule(
    availability: Availability,
    scheduling: Scheduling,
    even_if_cordoned: bool,
) -> Result<(), (&'static str, &'static str)> {
    match (availability, scheduling) {
        (Availability::Offline, _) => Err(("offline", "does not answer")),
        (Availability::Unhealthy, _) => Err(("unhealthy", "its last probe failed")),
        (Availability::Healthy, Scheduling::Active) => Ok(()),
        (Availability::Healthy, Scheduling::Cordoned | Scheduling::Draining) if even_if_cordoned => Ok(()),
        (Availability::Healthy, Scheduling::Cordoned) => Err(("cordoned", "takes no new work")),
        (Availability::Healthy, Scheduling::Draining) => Err(("draining", "is being emptied")),
    }
}

/// Whether a server can take the request; the first reason why not, with its numbers.
///
/// # Errors
/// The [`Rejection`].
pub fn admit(server: &ServerState, request: &PlacementRequest) -> Result<(), Rejection> {
    let refuse = |code: &str, detail: String| {
        Err(Rejection { server: server.record.spec.name.clone(), code: code.to_owned(), detail })
    };
    if request.required && !request.names(&server.record) {
        return refuse("not_requested", "another server is required".to_owned());
    }
    let (availability, scheduling) = (server.observation.availability, server.record.scheduling);
    if let Err((code, text)) = may_schedule(availability, scheduling, request.even_if_cordoned) {
        let detail = server.observation.last_error.as_ref().filter(|_| availability != Availability::Healthy);
        return refuse(code, detail.map_or_else(|| text.to_owned(), |error| format!("{text}: {error}")));
    }
    if let Some(unmet) = request.labels.first_unmet(&server.record.spec.labels) {
        return refuse("labels", unmet);
    }
    let free = server.free();
    if let Some(dimension) = request.resources.first_over(&free) {
        let (needs, has) = (request.resources.get(dimension), free.get(dimension));
        let detail = format!("{dimension}: needs {needs} {unit}, {has} free", unit = dimension.unit());
        return refuse(&format!("insufficient_{dimension}"), detail);
    }
    // Last, so that a server that is full says so with its numbers.
    if request.excluded.contains(&server.record.id) {
        return refuse("excluded", "was filled by another request a moment ago".to_owned());
    }
    Ok(())
}
