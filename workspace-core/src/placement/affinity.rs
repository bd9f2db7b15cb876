//! The server that was asked for.

use std::sync::Arc;

use crate::placement::{Candidate, FleetView, PlacementContext, PlacementRequest, PlacementStrategy, admit};

/// Takes the server that the request names when it has room, else what the fallback says.
///
/// A *required* server needs no strategy: [`admit`] refuses every other one.
#[derive(Clone, Debug)]
pub struct Affinity {
    fallback: Arc<dyn PlacementStrategy>,
}

impl Affinity {
    /// With what to do when the named server has no room.
    pub fn new(fallback: Arc<dyn PlacementStrategy>) -> Self {
        Self { fallback }
    }
}

impl PlacementStrategy for Affinity {
    fn name(&self) -> &'static str {
        "affinity"
    }

    fn select(&self, fleet: FleetView<'_>, request: &PlacementRequest, cx: PlacementContext) -> Option<Candidate> {
        let named = fleet.servers().iter().find(|server| request.names(&server.record));
        let refusal = match named.map(|server| (server, admit(server, request))) {
            Some((server, Ok(()))) => {
                return Some(Candidate { server: server.record.id, reason: "the requested server".to_owned() });
            }
            Some((_, Err(rejection))) => format!("{} was preferred but {}: ", rejection.server, rejection.detail),
            None => String::new(),
        };
        let Candidate { server, reason } = self.fallback.select(fleet, request, cx)?;
        Some(Candidate { server, reason: format!("{refusal}{reason}") })
    }
}
