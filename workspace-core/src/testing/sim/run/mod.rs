//! Runs by seed: masters, clients and chaos in one world, and the invariants that must hold.

mod chaos;
mod client;
mod copies;
mod coverage;
mod data;
mod history;
mod masters;
mod quiet;
mod report;
mod scenario;
mod usage;
mod watch;

pub use coverage::Coverage;
pub use report::{Report, Totals};
pub use scenario::run_seed;
pub(crate) use watch::Watch;

#[cfg(test)]
mod tests;
