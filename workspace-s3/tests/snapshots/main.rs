//! Snapshots on real storages.

mod cuts;
mod damage;
mod golden;
mod increment;
mod look;
mod merge;
mod places;
mod plant;
mod profiles;
mod round_trip;
mod script;
mod second;
