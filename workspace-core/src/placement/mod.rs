//! Which server gets a workspace, and why.
//!
//! A decision is pure: the same fleet, request and context give the same server, whatever the order of the servers.
//! The [`Ledger`] keeps the fleet arranged for the search, a [`PlacementStrategy`] chooses, [`decide`] explains.
//! `docs/placement.md` has the model, the formulas and what it costs.

mod admit;
mod affinity;
mod best_fit;
mod custom;
mod decide;
mod fleet_view;
mod fragmentation;
mod lanes;
mod least_fragmentation;
mod ledger;
mod left_over;
mod no_place;
mod order;
mod part;
mod reason;
mod rebalance;
mod refusals;
mod rejection;
mod request;
mod round_robin;
mod spread;
mod strategy;

pub use admit::may_schedule;
pub use affinity::Affinity;
pub use best_fit::BestFit;
pub use custom::{ByScore, Filtered, ServerFilter, ServerScore, Verdict};
pub use decide::{Decision, decide, explain};
pub use fleet_view::FleetView;
pub use fragmentation::{GpuRoom, TypicalRequest};
pub use least_fragmentation::LeastFragmentation;
pub use ledger::{Ask, Found, Ledger, ServerKey, ServerView, Shortage, Tolerance};
pub use left_over::LeftOver;
pub use order::Order;
pub use part::{OwnPartFirst, Part};
pub use reason::Reason;
pub use rebalance::{Goal, Limits, Move, Placed, Plan, rebalance_plan};
pub use refusals::{LISTED, NearMiss, Refusals};
pub use rejection::Rejection;
pub use request::PlacementRequest;
pub use round_robin::RoundRobin;
pub use spread::Spread;
pub use strategy::{Candidate, PlacementContext, PlacementStrategy, built_in};

/// Compiles the examples of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/placement.md")]
struct Documentation;

/// How often a property of placement is tried: 256 times in the inner loop, `make test` asks for thousands.
#[cfg(test)]
fn tried() -> proptest::test_runner::Config {
    let asked = std::env::var("PLACEMENT_CASES").ok().and_then(|cases| cases.parse().ok());
    proptest::test_runner::Config::with_cases(asked.unwrap_or(256))
}
