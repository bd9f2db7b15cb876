//! Durable claims on real databases: one by one, and together as a store commits what waits.

mod change;
mod drive;
pub mod masters;
mod measure;
mod place;

pub use measure::{Figures, Scale, measure};
pub use place::{Database, Place};
