//! Placement: churn against a tuned baseline, packing quality on a trace, whole workloads.

pub mod baseline;
pub mod churn;
pub mod dice;
pub mod synthetic;
