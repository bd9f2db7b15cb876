//! What chooses among the servers that fit.

use std::fmt::Debug;
use std::sync::Arc;

use crate::id::ServerId;
use crate::model::StrategyKind;
use crate::placement::{Affinity, BestFit, FleetView, PlacementRequest, RoundRobin, Spread};

/// The inputs of a choice that are neither fleet nor request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlacementContext {
    /// Grows by one with each decision of this master.
    pub cursor: u64,
}

/// A server that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub server: ServerId,
    /// Why, in a few words with numbers.
    pub reason: String,
}

/// Chooses a server.
///
/// # Contract
/// - Pure: no I/O, no clock, no randomness, no memory. The same inputs give the same answer in every order of servers.
/// - It takes only what [`FleetView::candidates`] gives; what it picks outside of it is refused by the claim.
///
/// # Implementing
/// Choose among the candidates; ties go to the lowest id.
pub trait PlacementStrategy: Debug + Send + Sync + 'static {
    /// The name in explanations.
    fn name(&self) -> &str;

    /// The server to take; `None` when none fits.
    fn select(&self, fleet: FleetView<'_>, request: &PlacementRequest, cx: PlacementContext) -> Option<Candidate>;
}

/// The built-in strategy of this kind.
pub fn built_in(kind: StrategyKind) -> Arc<dyn PlacementStrategy> {
    match kind {
        StrategyKind::Spread => Arc::new(Spread),
        StrategyKind::BestFit => Arc::new(BestFit),
        StrategyKind::RoundRobin => Arc::new(RoundRobin),
        StrategyKind::Affinity => Arc::new(Affinity::new(Arc::new(Spread))),
    }
}
