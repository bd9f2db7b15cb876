//! What chooses among the servers that fit.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use crate::model::StrategyKind;
use crate::placement::{
    Affinity, BestFit, FleetView, LeastFragmentation, OwnPartFirst, Part, PlacementRequest, RoundRobin, ServerKey,
    ServerView, Spread, Tolerance, Verdict,
};

/// The inputs of a choice that are neither fleet nor request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlacementContext {
    /// Grows by one with each decision of this master.
    pub cursor: u64,
    /// How several masters avoid the same of several near-equal servers.
    pub tolerance: Tolerance,
    /// This master's part of the servers, where several would fill the same one.
    pub part: Part,
}

/// A server that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub server: ServerKey,
    /// Why, in a few words.
    pub reason: Cow<'static, str>,
    /// How many servers and bounds over several servers were looked at.
    pub visits: u32,
}

/// Chooses a server.
///
/// # Contract
/// - Pure: no I/O, no clock, no randomness, no memory. The same inputs give the same answer in every order of servers.
/// - It takes only what [`FleetView::admits`]; what it picks besides is refused by the claim.
///
/// # Implementing
/// Most need only a [`ServerScore`](crate::placement::ServerScore) or a
/// [`ServerFilter`](crate::placement::ServerFilter). Ties go to the lowest id.
pub trait PlacementStrategy: Debug + Send + Sync + 'static {
    /// The name in explanations.
    fn name(&self) -> &str;

    /// The server to take; `None` when none fits.
    fn select(&self, fleet: FleetView<'_>, cx: PlacementContext) -> Option<Candidate>;

    /// Its hard rules besides those that every placement has; explanations show what they refuse.
    fn admit(&self, server: ServerView<'_>, request: &PlacementRequest) -> Verdict {
        let _ = (server, request);
        Verdict::Admit
    }
}

/// The built-in strategy of this kind.
pub fn built_in(kind: StrategyKind) -> Arc<dyn PlacementStrategy> {
    match kind {
        StrategyKind::Spread => Arc::new(Spread),
        StrategyKind::BestFit => Arc::new(OwnPartFirst(BestFit)),
        StrategyKind::RoundRobin => Arc::new(RoundRobin),
        StrategyKind::Affinity => Arc::new(Affinity::new(Arc::new(Spread))),
        StrategyKind::LeastFragmentation => Arc::new(OwnPartFirst(LeastFragmentation::default())),
    }
}
