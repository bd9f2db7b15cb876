//! Benchmarks with their baselines; each program prints its table and, last, one JSON object.

#[cfg(feature = "stores")]
pub mod claims;
pub mod fleet;
pub mod placement;
pub mod quantile;
