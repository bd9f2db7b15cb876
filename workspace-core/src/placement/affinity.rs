//! The server that was asked for.

use std::borrow::Cow;
use std::sync::Arc;

use crate::placement::{
    Candidate, FleetView, PlacementContext, PlacementRequest, PlacementStrategy, ServerView, Verdict,
};

/// Takes the server that the request names when it has room, else what the fallback says.
///
/// A *required* server needs no strategy: every other one is refused before any strategy is asked.
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

    fn select(&self, fleet: FleetView<'_>, cx: PlacementContext) -> Option<Candidate> {
        let named = fleet
            .named()
            .filter(|server| fleet.admits(server) && self.fallback.admit(*server, fleet.request()) == Verdict::Admit);
        if let Some(server) = named {
            return Some(Candidate { server: server.key(), reason: Cow::Borrowed("the requested server"), visits: 1 });
        }
        self.fallback.select(fleet, cx)
    }

    fn admit(&self, server: ServerView<'_>, request: &PlacementRequest) -> Verdict {
        self.fallback.admit(server, request)
    }
}
