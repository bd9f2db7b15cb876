//! The way of a workspace to another server: its data is written to object storage, made anew there from it and
//! verified, and only then does the workspace follow. A cut at any point leaves it where its data is whole.

mod moved;
mod stays;
mod written;

pub(in crate::orchestrator) use moved::request_elsewhere;
pub(in crate::orchestrator) use stays::{back_in_its_place, way_released};
