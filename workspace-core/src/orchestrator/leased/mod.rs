//! What a master asks servers for, each call only while its lease outlives it: it may have stood still before any of
//! them, and what it was about to do may be another master's matter by then.

mod pool;
mod runner;
mod server;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub(super) use pool::LeasedPool;
pub(super) use runner::LeasedRunner;

/// The longest that one call to a server may go on.
const LONGEST_CALL: Duration = Duration::from_secs(75);
