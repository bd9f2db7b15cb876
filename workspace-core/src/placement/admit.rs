//! Whether new work may go to a server at all.

use crate::model::{Availability, Scheduling};

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
