//! Which server gets a workspace, and why.

mod rejection;

pub use rejection::Rejection;
