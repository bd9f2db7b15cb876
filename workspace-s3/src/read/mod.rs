//! Reading snapshots: what they hold, and putting it back.

mod catalog;
mod fetch;
mod fill;
mod listing;
mod merge;
mod plan;
mod restore;
mod target;

pub(crate) use catalog::{Catalog, Place, add_pieces, fetch_snapshot, fetch_tails, lost_files};
pub(crate) use listing::Listing;
pub(crate) use restore::restore;
