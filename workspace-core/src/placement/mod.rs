//! Which server gets a workspace, and why.
//!
//! A decision is pure: the same fleet, request and context give the same server, whatever the order of the servers.
//! [`decide`] filters with [`admit`], the one rule of what fits, lets a [`PlacementStrategy`] choose, and explains.

mod admit;
mod affinity;
mod best_fit;
mod decide;
mod fleet_view;
mod rejection;
mod request;
mod round_robin;
mod score;
mod spread;
mod strategy;

pub use admit::{admit, may_schedule};
pub use affinity::Affinity;
pub use best_fit::BestFit;
pub use decide::{Decision, decide};
pub use fleet_view::FleetView;
pub use rejection::Rejection;
pub use request::PlacementRequest;
pub use round_robin::RoundRobin;
pub use spread::Spread;
pub use strategy::{Candidate, PlacementContext, PlacementStrategy, built_in};
