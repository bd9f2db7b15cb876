//! Snapshots on real storages.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what is not as it should be fails the test"
)]

mod cuts;
mod damage;
mod golden;
mod increment;
mod large;
mod look;
mod merge;
mod places;
mod plant;
mod profiles;
mod round_trip;
mod script;
mod second;
