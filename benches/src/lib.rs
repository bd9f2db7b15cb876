//! Benchmarks with their baselines; each program prints its table and, last, one JSON object.

pub mod fleet;
pub mod placement;
pub mod quantile;
