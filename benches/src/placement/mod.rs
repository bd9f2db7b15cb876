//! Placement: churn against a tuned baseline, packing quality on a trace, whole workloads.

pub mod baseline;
pub mod churn;
pub mod dice;
pub mod openb;
pub mod openb_replay;
pub mod simulate;
pub mod synthetic;
pub mod workload_file;
